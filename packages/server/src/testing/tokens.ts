/**
 * Issues tokens as the token endpoint does, without its requests: the client need not authenticate, and the user need
 * not sign in. Introspection, UserInfo, refresh and revocation work with them.
 */

import type { Refusal } from '@tessera/protocol/result'
import { formatScope } from '@tessera/protocol/scope'
import { userScopeKinds, validateScope } from '../authorization-request/requested-scope.ts'
import type { Decision, TokenSubject } from '../endpoints/token/decision.ts'
import { refreshOf } from '../endpoints/token/earlier-sign-in.ts'
import { issue } from '../endpoints/token/issue-tokens.ts'
import type { Authorization, AuthorizationId } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import { newTimedId } from '../model/handle.ts'
import { findApi } from '../model/resource.ts'
import type { TokenType } from '../tokens/access-token.ts'
import { authorizationOf } from '../tokens/new-authorization.ts'
import { type Alteration, alterAccessToken } from './altered-token.ts'
import { type Authentication, findClient, findUser, subjectOf } from './people.ts'
import type { Running } from './running.ts'

export type TokensOptions = Authentication & {
  /** A `client_id`. Default: the first configured client. */
  readonly client?: string
  /** A user name or `sub`. Default: no user, so that the token is the client's own (client credentials). */
  readonly user?: string
  /** Scopes separated by spaces. Default: everything that the client may use. */
  readonly scope?: string
  /** Names of the APIs that the access token is limited to (RFC 8707). Default: all that own one of the scopes. */
  readonly resource?: string | readonly string[]
  /** The `nonce` of the ID token. */
  readonly nonce?: string
  /** The session that the tokens belong to, as `startSession` returns it. They may end with it, and its client is notified. */
  readonly sid?: string
}

export type TokenOptions = TokensOptions & Alteration

/** A token response (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3). */
export type IssuedTokens = {
  readonly access_token: string
  readonly token_type: TokenType
  readonly expires_in: number
  readonly scope: string
  /** With a user and the scope `openid`. */
  readonly id_token?: string
  /** With a user, the scope `offline_access`, and a client that may refresh. */
  readonly refresh_token?: string
}

/** Throws for an unknown client or user, and for what the token endpoint would refuse. */
export async function issueTokens(running: Running, options: TokensOptions): Promise<IssuedTokens> {
  const { services } = running
  const { context, tokens, signIn } = services()
  const { stores, clock, random } = context
  const client = await findClient(running, options.client)
  const { scope, audience } = grantedOf(running, client, options)
  const subject = await subjectOfTokens(running, options)
  const authorization = subject && (await authorize(running, client, subject, { scope, audience }))
  const decision: Decision = {
    ok: true,
    client,
    scope,
    audience,
    ...(subject &&
      authorization && {
        subject,
        authorization: { kind: 'existing', authorization },
        refresh: refreshOf(authorization, client),
        idToken: scope.includes('openid') ? { nonce: options.nonce } : undefined,
      }),
  } as Decision
  const { profile, readIdentityClaims } = signIn
  const issued = await issue(decision, { clock, random, profile, readIdentityClaims, ...tokens })
  if (!issued.ok) throw refusedBy(issued)
  const { accessToken, refreshToken, idToken, commit, scope: granted } = issued.value
  if (commit && (await stores.commit(commit)) !== 'committed')
    throw new Error(`tokens: the client "${client.client_id}" or the user is disabled`)
  return {
    access_token: accessToken.value,
    token_type: accessToken.token_type,
    expires_in: accessToken.expires_in,
    scope: formatScope(granted),
    ...(idToken !== undefined && { id_token: idToken }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken.value }),
  }
}

/** Returns only an access token, changed according to the options. */
export async function issueToken(running: Running, options: TokenOptions): Promise<string> {
  const { access_token } = await issueTokens(running, options)
  return alterAccessToken(running, access_token, options)
}

function grantedOf({ tessera }: Running, client: Client, { scope, resource, user }: TokensOptions) {
  const { resources } = tessera.configuration
  const audience = [resource ?? []].flat().map(name => {
    const api = findApi(resources, name)
    if (api) return api.name
    throw new Error(`tokens: no API has the name "${name}"; known: ${[...resources.apis.keys()].join(', ')}`)
  })
  const kinds = user === undefined ? (['api'] as const) : userScopeKinds
  const validated = validateScope(scope, { client, resources, kinds: new Set(kinds), apis: audience })
  if (!validated.ok) throw refusedBy(validated)
  return { scope: validated.value.scope, audience }
}

async function subjectOfTokens(running: Running, options: TokensOptions): Promise<TokenSubject | undefined> {
  if (options.user === undefined) return undefined
  const { context, signIn } = running.services()
  const user = await findUser(running, options.user)
  const subject = subjectOf(user, options, context.clock.now())
  const client = await findClient(running, options.client)
  if (!(await signIn.profile.isActive({ subject, client_id: client.client_id })))
    throw new Error(`tokens: the user "${user.username}" is not active`)
  return { ...subject, sid: options.sid }
}

/** Stores the authorization that a sign-in at the client would have created. */
async function authorize(
  { services }: Running,
  { client_id }: Client,
  subject: TokenSubject,
  { scope, audience }: Pick<Decision, 'scope' | 'audience'>,
): Promise<Authorization> {
  const { stores, clock, random } = services().context
  const now = clock.now()
  const authorization = authorizationOf(subject, {
    id: newTimedId<AuthorizationId>(random),
    client_id,
    scope,
    resources: audience,
    created_at: now,
    expires_at: now + 60,
  })
  const { sub, epoch, sid } = subject
  const outcome = await stores.commit({ at: now, client_id, sub, epoch, issue: { authorization } })
  if (outcome !== 'committed')
    throw new Error(`tokens: the client "${client_id}" or the user "${sub}" is disabled`)
  if (sid !== undefined && !(await stores.sessions.join(sid, client_id)))
    throw new Error(`tokens: there is no session with the sid "${sid}"`)
  return authorization
}

const refusedBy = ({ error, reason, description = '' }: Refusal): Error =>
  new Error(`tokens: ${error} (${reason})${description && `: ${description}`}`)
