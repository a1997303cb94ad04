/** The access tokens that the request of an extension grant presented, and the check of their users. */

import { isJsonObject } from '@tessera/protocol/json'
import { type Json, type Refusal, refuse } from '@tessera/protocol/result'
import { subjectOfToken } from '../../../identity/profile.ts'
import type { Client } from '../../../model/client.ts'
import type { GrantContext, GrantDecision, VerifiedToken } from '../../../model/extension-grant.ts'
import type { ActiveToken } from '../../../tokens/verification.ts'
import type { GrantPorts } from '../decision.ts'

type PresentedTokens = {
  /** Verifies a token for the grant, and keeps it with its authorization, so that the check does not read it again. */
  readonly verifyAccessToken: GrantContext['verifyAccessToken']
  /** Returns the tokens that the grant verified and the one that its decision is derived from. */
  readonly basisOf: (decided: GrantDecision) => Promise<Basis>
}

export type Basis = {
  readonly tokens: readonly ActiveToken[]
  /** The one that the decision is derived from. */
  readonly source?: ActiveToken
}

export function createPresentedTokens({
  extension,
  stores,
}: Pick<GrantPorts, 'extension' | 'stores'>): PresentedTokens {
  const verified = new Map<string, ActiveToken>()
  const authorizationOf = async ({ authorization_id: id }: VerifiedToken) => {
    const read = [...verified.values()].find(({ authorization }) => id && authorization?.id === id)
    return read?.authorization ?? (id && (await stores.authorizations.find(id)))
  }
  return {
    async verifyAccessToken(token) {
      const found = await extension.verifyAccessToken(token)
      if (!found) return undefined
      verified.set(String(found.claims.jti), found)
      const { authorization: _, ...shown } = found
      return shown
    },
    async basisOf({ derivedFrom }) {
      if (!derivedFrom) return { tokens: [...verified.values()] }
      const authorization = await authorizationOf(derivedFrom)
      const source = authorization ? { ...derivedFrom, authorization } : derivedFrom
      const others = [...verified.values()].filter(({ claims }) => claims.jti !== derivedFrom.claims.jti)
      return { tokens: [source, ...others], source }
    },
  }
}

/**
 * Refuses `invalid_grant` unless the user of every token is active, as refresh, introspection and UserInfo judge it; may
 * use both clients; and may be revealed to the client of the new token.
 * @param clients first the client of the new token, then the one that requests it.
 */
export async function recheckUsers(
  { tokens, source }: Basis,
  decided: GrantDecision,
  clients: readonly [Client, Client],
  ports: Pick<GrantPorts, 'profile' | 'findClient' | 'subjects'>,
): Promise<Refusal | undefined> {
  const [client] = clients
  // The other tokens are told in `act` alone (RFC 8693 §4.1).
  const namesActor = decided.claims?.act !== undefined
  for (const token of tokens) {
    const subject = subjectOfToken(token, token.authorization)
    if (!subject) continue
    const log = { sub: subject.sub }
    if (!mayUseTenant(subject.tenant ?? subject.sign_in_tenant, clients))
      return refuse('invalid_grant', 'user_of_another_tenant', { log })
    const reveals = namesActor || (token === source && decided.subject !== undefined)
    if (reveals && !(await maySeeSubject(client, token, ports)))
      return refuse('invalid_grant', 'extension_subject_of_another_sector', { log })
    const { client_id } = token
    if (!(await ports.profile.isActive({ subject, client_id })))
      return refuse('invalid_grant', 'user_inactive', { log })
  }
  if (source && namesActor && namesUser(source.claims.act) && !(await isOfSector(client, source, ports)))
    return refuse('invalid_grant', 'extension_subject_of_another_sector', { log: { sub: source.sub } })
  return undefined
}

/** Returns whether all clients may use the tenant of the user. */
export const mayUseTenant = (tenant: string | undefined, clients: readonly Client[]): boolean =>
  tenant === undefined || clients.every(({ tenants }) => tenants.length === 0 || tenants.includes(tenant))

/**
 * Returns whether the new token may reveal the user of this one to its client. If either client has pairwise
 * identifiers, both must be in the same sector; otherwise they could correlate users (OpenID Connect Core 1.0 §8.1).
 */
async function maySeeSubject(
  client: Client,
  { client_id, sub, claims }: VerifiedToken,
  { findClient, subjects }: Pick<GrantPorts, 'findClient' | 'subjects'>,
): Promise<boolean> {
  const told = [client, await findClient(client_id)]
  return told.every(one => one?.subject_type === 'public') || subjects.subjectFor(client, sub) === claims.sub
}

/** Returns whether the client has the same identifiers for users as the client of the token. */
async function isOfSector(
  client: Client,
  { client_id, sub }: VerifiedToken,
  { findClient, subjects }: Pick<GrantPorts, 'findClient' | 'subjects'>,
): Promise<boolean> {
  const other = await findClient(client_id)
  return other !== undefined && subjects.subjectFor(client, sub) === subjects.subjectFor(other, sub)
}

/** Returns whether an actor of `act`, current or earlier, is not the client itself (RFC 8693 §4.1). */
function namesUser(act: Json | undefined): boolean {
  for (let actor = act; isJsonObject(actor); actor = actor.act) if (actor.sub !== actor.client_id) return true
  return false
}
