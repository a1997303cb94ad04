/** The profile page: what this server knows of the signed-in user. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Clients } from '../../model/client.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import type { ProfilePage } from '../ui/account-pages.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'
import { applicationLinks } from './applications.ts'

export type ProfilePorts = AccountPagePorts & {
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly issuer: string
  readonly clients: Pick<Clients, 'all'>
  readonly offered: { readonly mail: boolean; readonly deletion: boolean }
}

/** `GET /account`. */
export function createProfileEndpoint(ports: ProfilePorts): Endpoint {
  const { identityProviders, issuer, clients, offered } = ports
  return accountPage(ports, 'profile', {
    show: page =>
      ports.pages.account.profile(
        page.request,
        { ...profileOf(page), ...(page.stored && linksToChange(page)) },
        page.frame,
      ),
  })

  /** Only users in the store can change their profile here; users of the configuration and of other providers see it. */
  function linksToChange({ link }: AccountPage): Pick<ProfilePage, 'changes' | 'deletion'> {
    return {
      changes: { name: link('/account/name'), email: offered.mail ? link('/account/email') : undefined },
      deletion: offered.deletion ? link('/account/delete') : undefined,
    }
  }

  function profileOf({ session, user }: AccountPage): Omit<ProfilePage, 'changes' | 'deletion'> {
    const claims = { ...session.claims, ...user?.claims }
    const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined)
    const email = text('email')
    return {
      applications: applicationLinks(clients.all(), session, issuer),
      username: user?.username ?? text('preferred_username'),
      name: text('name'),
      email,
      email_verified: email !== undefined && claims.email_verified === true,
      provider:
        session.idp === localProvider
          ? undefined
          : (identityProviders.get(session.idp)?.display_name ?? session.idp),
    }
  }
}
