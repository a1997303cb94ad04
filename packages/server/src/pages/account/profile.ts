/** The profile page: what this server knows of the signed-in user. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Clients } from '../../model/client.ts'
import type { IdentityProvider } from '../../model/user.ts'
import { localProvider } from '../../model/user.ts'
import type { AccountVisit, EnterAccount } from '../flow/account-session.ts'
import type { Paths } from '../flow/page-paths.ts'
import type { ProfilePage } from '../ui/account-pages.ts'
import type { Pages } from '../ui/pages.ts'
import { applicationLinks } from './applications.ts'

export type ProfilePorts = {
  readonly enterAccount: EnterAccount
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly issuer: string
  readonly clients: Pick<Clients, 'all'>
  readonly offered: { readonly mail: boolean; readonly deletion: boolean }
  readonly paths: Paths
  readonly pages: Pages
}

/** `GET /account`. */
export function createProfileEndpoint({
  enterAccount,
  identityProviders,
  issuer,
  clients,
  offered,
  paths,
  pages,
}: ProfilePorts): Endpoint {
  return async request => {
    const visit = await enterAccount(request, 'profile')
    if (!visit.ok) return visit.response
    return pages.account.profile(
      request,
      { ...profileOf(visit), ...(visit.stored && changing()) },
      visit.frame,
    )
  }

  /** Users of the configuration and of other providers see what is known of them; only those kept here change it. */
  function changing(): Pick<ProfilePage, 'changes' | 'deletion'> {
    return {
      changes: {
        name: paths('/account/name'),
        ...(offered.mail && { email: paths('/account/email') }),
      },
      ...(offered.deletion && { deletion: paths('/account/delete') }),
    }
  }

  function profileOf({ session, user }: AccountVisit): Omit<ProfilePage, 'changes' | 'deletion'> {
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
