/** The profile page: the data that this server has about the signed-in user. */

import type { Endpoint } from '@tessera/protocol/http'
import { mayUseProvider } from '../../identity/provider-access.ts'
import type { Session } from '../../model/authorization.ts'
import type { Client, Clients } from '../../model/client.ts'
import { mergeClaims } from '../../model/merged-claims.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import type { ProfilePage } from '../ui/account-pages.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'

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

  /**
   * Only stored users can change their profile here. Configured users and users of other providers can only view it.
   */
  function linksToChange({ link }: AccountPage): Pick<ProfilePage, 'changes' | 'deletion'> {
    return {
      changes: { name: link('/account/name'), email: offered.mail ? link('/account/email') : undefined },
      deletion: offered.deletion ? link('/account/delete') : undefined,
    }
  }

  function profileOf({ session, user }: AccountPage): Omit<ProfilePage, 'changes' | 'deletion'> {
    const claims = mergeClaims(session.claims ?? {}, user?.claims ?? {})
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

/**
 * Returns the applications that the user can open from here: those that accept the sign-in and have an
 * `initiate_login_uri` (OpenID Connect Core 1.0 §4).
 */
const applicationLinks = (
  clients: Iterable<Client>,
  session: Session,
  issuer: string,
): ProfilePage['applications'] =>
  [...clients].flatMap(client => {
    const { initiate_login_uri: start, client_name: name = client.client_id } = client
    return start !== undefined && accepts(client, session)
      ? [{ name, href: linkTo(start, client, issuer) }]
      : []
  })

const accepts = (client: Client, { tenant, idp }: Session): boolean =>
  client.enabled &&
  mayUseProvider(client, idp) &&
  (tenant === undefined || client.tenants.length === 0 || client.tenants.includes(tenant))

/** §4: adds the issuer, and the page to open. */
function linkTo(start: string, { initiate_login_target_link_uri: target }: Client, issuer: string): string {
  const link = new URL(start)
  link.searchParams.set('iss', issuer)
  if (target !== undefined) link.searchParams.set('target_link_uri', target)
  return link.href
}
