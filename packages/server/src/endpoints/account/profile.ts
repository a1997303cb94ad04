/** The profile page: what this server knows of the signed-in user. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Clients } from '../../core/client.ts'
import type { IdentityProvider } from '../../core/user.ts'
import { localProvider } from '../../core/user.ts'
import type { AccountVisit, EnterAccount } from '../../interaction/account.ts'
import type { ProfilePage } from '../../ui/account-pages.ts'
import type { Pages } from '../../ui/pages.ts'
import { applicationLinks } from './applications.ts'

export type ProfilePorts = {
  readonly enterAccount: EnterAccount
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly issuer: string
  readonly clients: Pick<Clients, 'all'>
  readonly pages: Pages
}

/** `GET /account`. */
export function createProfileEndpoint({
  enterAccount,
  identityProviders,
  issuer,
  clients,
  pages,
}: ProfilePorts): Endpoint {
  return async request => {
    const visit = await enterAccount(request, 'profile')
    if (!visit.ok) return visit.response
    return pages.account.profile(request, profileOf(visit), { navigation: visit.navigation })
  }

  function profileOf({ session, user }: AccountVisit): ProfilePage {
    const claims = { ...session.claims, ...user?.claims }
    const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined)
    const username = user?.username ?? text('preferred_username')
    const name = text('name')
    const email = text('email')
    return {
      applications: applicationLinks(clients.all(), session, issuer),
      ...(username !== undefined && { username }),
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email, email_verified: claims.email_verified === true }),
      ...(session.idp !== localProvider && {
        provider: identityProviders.get(session.idp)?.display_name ?? session.idp,
      }),
    }
  }
}
