/** Sign-in with user name and password, for the password grant (RFC 6749 §4.3) and the login page. */

import type { AcrValues } from '@tessera/protocol/acr-values'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { acrOf } from '../model/mfa.ts'
import { identityKey } from '../model/stored-user.ts'
import {
  type CheckedSubject,
  type CredentialCheck,
  type CredentialRequest,
  type IdentityProvider,
  type IsGuessAllowed,
  localProvider,
  type PasswordAuthority,
  type Profile,
  type Users,
} from '../model/user.ts'
import { QueueFull } from '../runtime/async/fair-queue.ts'
import type { Awaitable, Clock } from '../runtime/ports.ts'
import type { AccessEndings } from './access-endings.ts'
import { doCounted, type Forgive } from './attempts.ts'
import type { CountFoundGuess, CountGuess, KnownBrowser } from './password-guesses.ts'
import { mayUseProvider, servesTenant, tenantRefusal } from './provider-access.ts'

type SignInRequest = {
  readonly username: string
  readonly password: string
  /** Omitted: the server's own pages. */
  readonly client?: Client
  readonly acr: AcrValues
  /** As sent, for credential authorities. */
  readonly acr_values?: string
  /** The network of the request. */
  readonly from: string
  /** Set if this account signed in at this browser before. */
  readonly known_browser?: KnownBrowser | undefined
  /** Returns whether the user needs a second factor that can't be asked for. */
  readonly isBarred?: (subject: CheckedSubject) => Promise<boolean>
}

/** A user who signed in, and the members that a validator adds to the token response. */
type SignedIn = { readonly subject: CheckedSubject; readonly members?: JsonObject }

export type SignIn = (request: SignInRequest) => Promise<Result<SignedIn>>

type SignInPorts = {
  readonly users: Users
  readonly profile: Profile
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly tenants: ReadonlySet<string>
  /** Checks local credentials instead of `users`, except those of users of the configuration. */
  readonly validator?: PasswordAuthority
  /** Whether a user can have several names, because the operator's store finds them. */
  readonly namesVary?: boolean
  readonly countGuess: CountGuess
  readonly countFoundGuess: CountFoundGuess
  readonly accessEndings: Pick<AccessEndings, 'latest' | 'isSince'>
  readonly clock: Clock
}

/**
 * Refuses `invalid_request` for an unavailable provider or tenant. Refuses `invalid_grant`, with the same description for
 * every cause, for credentials that are wrong or were guessed too often. A credential authority can return other errors.
 */
export function createSignIn({
  users,
  profile,
  identityProviders,
  tenants,
  validator,
  namesVary = false,
  countGuess,
  countFoundGuess,
  accessEndings,
  clock,
}: SignInPorts): SignIn {
  const local: Authority = {
    async check(request) {
      const { username, password, tenant, from = '' } = request
      if (validator && !users.isConfigured(username, tenant)) return validator.check(request)
      const user = await users.checkPassword(username, password, tenant, from)
      return user ? { ok: true, sub: user.sub, epoch: user.epoch } : { ok: false }
    },
  }

  return async ({ username, password, client, acr, acr_values, from, known_browser, isBarred }) => {
    const refusal = tenantRefusal(client, acr.tenant, tenants)
    if (refusal) return refusal
    const idp = acr.idp ?? localProvider
    const provider = idp === localProvider ? undefined : identityProviders.get(idp)
    const authority: Result<Authority> =
      idp === localProvider ? localAuthority(client, local) : providerAuthority(client, provider, acr.tenant)
    if (!authority.ok) return authority

    const client_id = client?.client_id
    const { tenant } = acr
    const where = tenant === undefined ? {} : { tenant }
    // A guess by another name counts for the account's name. Otherwise an account would have several limits.
    const isAlias = idp === localProvider && !validator && (namesVary || identityKey(username).includes('@'))
    const nameOfAccount = async () => (await users.findNamed(username, tenant))?.username ?? username
    const counted = await countGuess({
      idp,
      username: isAlias ? nameOfAccount : username,
      from,
      known_browser,
      ...where,
    })
    if (!counted.ok) return counted
    const request: CredentialRequest = {
      username,
      password,
      from,
      ...where,
      ...(client_id !== undefined && { client_id }),
      ...(acr_values !== undefined && { acr_values }),
    }
    let counting: Promise<Result<Forgive>> | undefined
    const isAllowed: IsGuessAllowed = async user => {
      counting = countFoundGuess({ idp, user, known_browser })
      return (await counting).ok
    }
    // If counting fails, the check fails too.
    const foundGuess = () => counting?.catch(() => undefined)
    const forgive = async () => {
      const found = await foundGuess()
      await Promise.all([counted.value(), found?.ok && found.value()])
    }
    const check = async (): Promise<Result<SignedIn>> => {
      const ask = () => unlessFull(() => authority.value.check(request, provider?.directory && isAllowed))
      const began = clock.now()
      const first = await ask()
      const ending = first.ok && first.epoch === undefined ? await accessEndings.latest(first.sub) : undefined
      // The password that was right at first may have been changed since then.
      const isOld = ending !== undefined && accessEndings.isSince(ending, began)
      const answer = isOld ? await ask() : first
      const found = await foundGuess()
      if (found && !found.ok) return found
      if (!answer.ok && answer.unavailable) {
        const reason = answer.full ? 'password_queue_full' : 'credential_authority_unavailable'
        return refuse('temporarily_unavailable', reason, { log: { idp } })
      }
      if (!answer.ok) return wrongCredentials('credentials_refused', answer)

      const record = await users.find(answer.sub)
      // Use the epoch from before the check, because the password may have been changed during the check.
      const epoch = answer.epoch ?? record?.epoch
      if (record && record.tenant !== tenant) return wrongCredentials('user_of_another_tenant')
      const subject: CheckedSubject = {
        sub: answer.sub,
        ...(record?.tenant !== undefined && { tenant: record.tenant }),
        idp,
        ...proofOf(answer.amr ?? ['pwd']),
        auth_time: clock.now(),
        ...(answer.claims && { claims: answer.claims }),
        ...(epoch !== undefined && { epoch }),
        ...(ending !== undefined && { ending }),
      }
      if (!(await profile.isActive({ subject, ...(client_id !== undefined && { client_id }) })))
        return wrongCredentials('user_inactive', { sub: answer.sub })
      if (await isBarred?.(subject)) return wrongCredentials('second_factor_needed', { sub: answer.sub })
      return ok({ subject, ...(answer.members && { members: answer.members }) })
    }
    // A correct password of a user who may not sign in counts like a wrong one. Otherwise the limit, which only wrong ones
    // reach, would reveal it. If the user's own limit was reached, the count for the name remains, because it limits
    // searches in the directory.
    return doCounted(forgive, check, outcome => !outcome.ok && !uncheckedReasons.has(outcome.reason))
  }
}

/** Reasons for which a password was not checked, so that it is not a guess. */
const uncheckedReasons: ReadonlySet<string> = new Set([
  'password_queue_full',
  'credential_authority_unavailable',
])

type Checked = CredentialCheck & { readonly epoch?: number | undefined }

/** Treats a full queue as an expected failure, refused like an unavailable authority and logged without a stack. */
async function unlessFull(
  check: () => Awaitable<Checked>,
): Promise<Checked & { readonly unavailable?: boolean; readonly full?: true }> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof QueueFull) return { ok: false, unavailable: true, full: true }
    throw error
  }
}

/** A credential authority. Only the local one returns the user's epoch. */
type Authority = {
  readonly check: (request: CredentialRequest, isAllowed?: IsGuessAllowed) => Awaitable<Checked>
}

const localAuthority = (client: Client | undefined, local: Authority): Result<Authority> =>
  mayUseProvider(client, localProvider)
    ? ok(local)
    : refuse('invalid_grant', 'local_login_disabled', {
        description: 'local login is disabled for this client',
      })

function providerAuthority(
  client: Client | undefined,
  provider: IdentityProvider | undefined,
  tenant: string | undefined,
): Result<PasswordAuthority> {
  if (!provider || !mayUseProvider(client, provider.name) || !servesTenant(provider, tenant)) {
    return refuse('invalid_request', 'provider_not_allowed', {
      description: 'identity provider is not available to this client',
    })
  }
  return provider.credentialAuthority
    ? ok(provider.credentialAuthority)
    : refuse('invalid_request', 'provider_without_passwords', {
        description: 'identity provider does not check passwords',
      })
}

const proofOf = (amr: readonly string[]) => ({ amr, acr: acrOf({ amr }) })

/** Uses one description for every cause, so that a caller can't distinguish an unknown name from a wrong password. */
const wrongCredentials = (
  reason: string,
  told: { error?: string; description?: string; members?: JsonObject; sub?: string } = {},
): Refusal =>
  refuse(told.error ?? 'invalid_grant', reason, {
    description: told.description ?? 'invalid_username_or_password',
    ...(told.members && { members: told.members }),
    ...(told.sub !== undefined && { log: { sub: told.sub } }),
  })
