/** Requirements of a route for the access of its callers. */

import type { Seconds } from '@tessera/protocol/brand'
import { isScopeToken } from '@tessera/protocol/scope'
import type { Access } from './access.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { ApiRequest } from './request.ts'

/** All of these must hold. Lists in strings are separated by spaces. */
export type Requirements = {
  /** Scopes that the token must have, all of them. */
  readonly scope?: string | readonly string[] | undefined
  /** Scopes of which the token must have at least one. Challenges name the first. */
  readonly anyScope?: string | readonly string[] | undefined
  /** Authentication context classes of which the user's sign-in must have one, the preferred one first (RFC 9470 §3). */
  readonly acr_values?: string | readonly string[] | undefined
  /** Seconds since the user signed in, at most (RFC 9470 §3). Tokens without a user don't meet it. */
  readonly max_age?: Seconds | undefined
  /** The clients that may call the route. */
  readonly client_ids?: readonly string[] | undefined
  /**
   * Checks anything else, for example the owner of the requested object. The request is allowed only for `true`, or if
   * it also meets the requirements that are returned, such as a recent sign-in for a large amount.
   */
  readonly check?:
    | ((
        access: Access,
        request: ApiRequest,
      ) => boolean | Requirements | undefined | Promise<boolean | Requirements | undefined>)
    | undefined
}

type ValidRequirements = {
  readonly scope: readonly string[]
  readonly anyScope: readonly string[]
  readonly acr_values: readonly string[]
  readonly max_age: Seconds | undefined
  readonly client_ids: readonly string[] | undefined
  readonly check: Requirements['check']
}

const known: ReadonlySet<string> = new Set([
  'scope',
  'anyScope',
  'acr_values',
  'max_age',
  'client_ids',
  'check',
] satisfies (keyof Requirements)[])

/** Checks requirements, as far as they are known before a request. Throws a TypeError for a value that is malformed. */
export function validRequirements(requirements: Requirements): ValidRequirements {
  const { max_age, client_ids, check } = requirements
  const unknown = Object.keys(requirements).find(name => !known.has(name))
  // A misspelt requirement would leave the route open to every token.
  if (unknown !== undefined)
    throw new TypeError(
      `there is no requirement ${JSON.stringify(unknown)}; known are ${[...known].join(', ')}`,
    )
  if (max_age !== undefined && !(max_age >= 0))
    throw new TypeError('max_age must be a number of seconds that is not negative')
  return {
    scope: names('scope', requirements.scope),
    anyScope: names('anyScope', requirements.anyScope),
    acr_values: names('acr_values', requirements.acr_values),
    max_age,
    client_ids,
    check,
  }
}

/** Returns the names in a scope, given as a list or with spaces. Throws a TypeError if there is none, or one is malformed. */
export const scopeNames = (scope: string | readonly string[]): readonly string[] => names('scope', scope)

/** Both kinds of names have the characters of scopes here, so that challenges can list them. */
function names(option: string, value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  const list = typeof value === 'string' ? value.split(' ').filter(name => name !== '') : value
  if (list.length === 0) throw new TypeError(`${option} is empty; omit it if the route does not require any`)
  for (const name of list)
    if (!isScopeToken(name))
      throw new TypeError(`${option} contains ${JSON.stringify(name)}, which is not a name`)
  return list
}

/** Returns the scope to name in challenges: what a client should request (RFC 6750 §3). */
export const challengedScope = ({ scope, anyScope }: ValidRequirements): string | undefined => {
  const [first] = anyScope
  const list = first === undefined || scope.includes(first) ? scope : [...scope, first]
  return list.length === 0 ? undefined : list.join(' ')
}

export type Meeting = {
  readonly access: Access
  /** The scopes of the access, with those that they imply. */
  readonly scopes: ReadonlySet<string>
  readonly request: ApiRequest
  readonly now: Seconds
  /** Seconds that clocks may differ. */
  readonly clockTolerance: Seconds
}

/** Returns a refusal unless the access meets all requirements. */
export async function unmetRequirement(
  required: ValidRequirements,
  meeting: Meeting,
): Promise<Refusal | undefined> {
  const { access, request } = meeting
  if (required.client_ids && !required.client_ids.includes(access.client_id as string))
    return refuse('client_not_allowed')
  const has = (name: string): boolean => meeting.scopes.has(name)
  const isScopeMet =
    required.scope.every(has) && (required.anyScope.length === 0 || required.anyScope.some(has))
  if (!isScopeMet) return refuse('scope_insufficient', { parameters: { scope: challengedScope(required) } })
  const stepUp = missingAuthentication(required, meeting)
  if (stepUp) return stepUp
  if (!required.check) return undefined
  const checked = await required.check(access, request)
  if (checked === true) return undefined
  return typeof checked === 'object' && checked !== null
    ? unmetRequirement(together(required, validRequirements(checked), has), meeting)
    : refuse('check_failed')
}

/**
 * Adds what was met to further requirements, so that one challenge names all that the request needs. Otherwise a client
 * that requests what the challenge names could lose what it had (RFC 6750 §3.1, RFC 9470 §3).
 */
function together(
  met: ValidRequirements,
  more: ValidRequirements,
  has: (name: string) => boolean,
): ValidRequirements {
  const chosen = met.anyScope.filter(has).slice(0, 1)
  const ages = [met.max_age ?? [], more.max_age ?? []].flat()
  return {
    ...more,
    scope: [...new Set([...met.scope, ...chosen, ...more.scope])],
    acr_values: more.acr_values.length > 0 ? more.acr_values : met.acr_values,
    max_age: ages.length > 0 ? Math.min(...ages) : undefined,
  }
}

/** RFC 9470 §3: the challenge names all that the next sign-in needs. */
function missingAuthentication(
  required: ValidRequirements,
  { access: { claims }, now, clockTolerance }: Meeting,
): Refusal | undefined {
  const { acr_values, max_age } = required
  const parameters = {
    scope: challengedScope(required),
    acr_values: acr_values.length > 0 ? acr_values.join(' ') : undefined,
    max_age: max_age === undefined ? undefined : `${max_age}`,
  }
  if (acr_values.length > 0 && !acr_values.includes(claims.acr as string))
    return refuse('acr_insufficient', { parameters })
  if (max_age === undefined) return undefined
  const { auth_time } = claims
  const isRecent = typeof auth_time === 'number' && now - auth_time <= max_age + clockTolerance
  return isRecent ? undefined : refuse('authentication_too_old', { parameters })
}
