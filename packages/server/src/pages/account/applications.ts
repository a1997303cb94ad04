/** The applications that a signed-in user can go to from here: a sign-in that a third party begins (OpenID Connect Core 1.0 §4). */

import { mayUseProvider } from '../../identity/provider-access.ts'
import type { Session } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'

export type ApplicationLink = { readonly name: string; readonly href: string }

/** Those that say where a sign-in at them begins, and that would take this one. */
export const applicationLinks = (
  clients: Iterable<Client>,
  session: Session,
  issuer: string,
): readonly ApplicationLink[] =>
  [...clients].flatMap(client => {
    const { initiate_login_uri: start, client_name: name = client.client_id } = client
    return start !== undefined && takes(client, session)
      ? [{ name, href: linkTo(start, client, issuer) }]
      : []
  })

const takes = (client: Client, { tenant, idp }: Session): boolean =>
  client.enabled &&
  mayUseProvider(client, idp) &&
  (tenant === undefined || client.tenants.length === 0 || client.tenants.includes(tenant))

/** §4: who the provider is, and where the user shall be afterwards. */
function linkTo(start: string, { initiate_login_target_link_uri: target }: Client, issuer: string): string {
  const link = new URL(start)
  link.searchParams.set('iss', issuer)
  if (target !== undefined) link.searchParams.set('target_link_uri', target)
  return link.href
}
