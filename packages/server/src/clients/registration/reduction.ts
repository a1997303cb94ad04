/** Reduces requested permissions to the allowed ones (RFC 7591 §3.2.1). */

import { brings, parseResponseType, type ResponseType } from '@tessera/protocol/response-type'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import type { Registration } from '../../model/registration.ts'

type Bounds = Pick<Registration, 'allowedGrantTypes' | 'allowedScope' | 'registeredScope'>

type Reduced = {
  readonly metadata: JsonObject
  /** The dropped values, for the log: `grant_types: password`. */
  readonly left: readonly string[]
}

/**
 * Returns the metadata with allowed grants, response types and scopes, including defaults (RFC 7591 §2). Refuses
 * `invalid_client_metadata` if no grant is left. Leaves values of another JSON type to the schema.
 */
export function reducePermissions(asked: JsonObject, bounds: Bounds): Result<Reduced> {
  const { grant_types = ['authorization_code'], response_types, scope } = asked
  if (!isTexts(grant_types) || !(response_types === undefined || isTexts(response_types)))
    return ok({ metadata: { ...asked, grant_types }, left: [] })
  const isPublic = asked.token_endpoint_auth_method === 'none'
  const allowed = grant_types.filter(
    grant =>
      bounds.allowedGrantTypes.has(grant) &&
      // RFC 6749 §4.4: confidential clients only.
      !(isPublic && grant === 'client_credentials'),
  )
  if (isUseless(allowed) && !isUseless(grant_types)) return refuse(...noGrantLeft(bounds, isPublic))
  if (allowed.length === 0) return refuse(...noGrantLeft(bounds, isPublic))
  const types = servedTypes(response_types, allowed)
  const grants = allowed.filter(grant => isServed(grant, types))
  if (isUseless(grants) && !isUseless(allowed)) return refuse(...noTypeLeft)
  const names = typeof scope === 'string' ? reduceScope(scope, bounds) : scope
  // A client can request less at any time. One that is limited could only register again for more.
  const isWidened = bounds.registeredScope === 'allowed' && typeof names === 'string'
  const registered = names === undefined || names === '' || isWidened ? defaultScope(grants, bounds) : names
  return ok({
    metadata: { ...asked, grant_types: grants, response_types: types, scope: registered },
    left: [
      ...droppedValues('grant_types', grant_types, grants),
      ...droppedValues('response_types', response_types ?? [], types, parseResponseType),
      ...(typeof scope === 'string'
        ? droppedValues('scope', wordsOf(scope), wordsOf(String(registered)))
        : []),
    ],
  })
}

/**
 * Returns metadata that was registered, with the grants, response types and scopes that are allowed now. Undefined if no
 * grant is left. Adds nothing: a client without any allowed scope gets none.
 */
export function stillAllowed(registered: JsonObject, bounds: Bounds): JsonObject | undefined {
  const reduced = reducePermissions(registered, bounds)
  if (!reduced.ok) return undefined
  const { scope } = registered
  return { ...reduced.value.metadata, scope: typeof scope === 'string' ? reduceScope(scope, bounds) : '' }
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string')

const wordsOf = (text: string): readonly string[] => text.split(' ').filter(word => word !== '')

/** Returns whether no grant can be used first: refresh tokens come from another grant. */
const isUseless = (grants: readonly string[]): boolean => grants.every(grant => grant === 'refresh_token')

const needs = { code: 'authorization_code', id_token: 'implicit', token: 'implicit' } as const

/**
 * Returns the response types for which the client has the grants (RFC 7591 §2.1). Default: one that its grants support,
 * `code` rather than `id_token`.
 */
function servedTypes(
  asked: readonly string[] | undefined,
  grants: readonly string[],
): readonly ResponseType[] {
  const served = (type: ResponseType): boolean =>
    (['code', 'id_token', 'token'] as const).every(
      part => !brings(type, part) || grants.includes(needs[part]),
    )
  const usual = (['code', 'id_token'] as const).filter(served).slice(0, 1)
  if (asked === undefined) return usual
  const known = asked.map(parseResponseType).filter(type => type !== undefined)
  return [...new Set(known.filter(served))]
}

/** Returns whether a grant of the authorization endpoint has a response type (RFC 7591 §2.1). */
function isServed(grant: string, types: readonly ResponseType[]): boolean {
  if (grant === 'authorization_code') return types.some(type => brings(type, 'code'))
  if (grant === 'implicit') return types.some(type => brings(type, 'id_token') || brings(type, 'token'))
  return true
}

const reduceScope = (scope: string, { allowedScope }: Bounds): string =>
  [...new Set(wordsOf(scope))].filter(name => allowedScope.includes(name)).join(' ')

/** Returns the default scope of a client that requests none, or none that is allowed (RFC 7591 §2). */
const defaultScope = (grants: readonly string[], { allowedScope }: Bounds): string =>
  allowedScope.filter(name => grants.includes('refresh_token') || name !== 'offline_access').join(' ')

/**
 * Lists dropped values for the log.
 * @param nameOf returns how a value is registered, if that differs from how it is sent.
 */
function droppedValues(
  member: string,
  asked: readonly string[],
  registered: readonly string[],
  nameOf: (value: string) => string | undefined = value => value,
): readonly string[] {
  return asked
    .filter(value => !registered.includes(nameOf(value) ?? ''))
    .map(value => `${member}: ${value.slice(0, 100)}`)
}

type Refusing = Parameters<typeof refuse>
const metadataNotAllowed = (description: string): Refusing => [
  'invalid_client_metadata',
  'client_metadata_not_allowed',
  { description },
]

const noGrantLeft = ({ allowedGrantTypes }: Bounds, isPublic: boolean): Refusing =>
  metadataNotAllowed(
    `grant_types: only ${[...allowedGrantTypes].join(' ')} may be registered${
      isPublic ? ', and client_credentials with a client authentication method other than none' : ''
    }`,
  )

const noTypeLeft = metadataNotAllowed(
  'response_types: none of them is supported together with grant_types (RFC 7591 section 2.1): code needs authorization_code, id_token and token need implicit',
)
