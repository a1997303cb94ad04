/** Converts registered metadata to a client, or refuses it (RFC 7591 §2, §3.2.2). */

import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client, SelfRegistration, SigningAlgorithm } from '../../model/client.ts'
import { sectorOf } from '../../model/redirect.ts'
import type { RegisteredClient } from '../../model/registered-client.ts'
import type { MetadataProblem, Registration } from '../../model/registration.ts'
import type { Log } from '../../runtime/ports.ts'
import { parseDropping } from './dropping.ts'
import { isEmpty, metadataOf, understood, unfulfilledIn } from './metadata.ts'
import { keepAllowedUris } from './redirect-uris.ts'
import { reducePermissions } from './reduction.ts'
import type { CheckSectorIdentifier } from './sector-identifier.ts'
import type { ReadSoftwareStatement } from './software-statement.ts'
import { areStated, redirectOnlyGrants, storedNames, withStatement } from './stated-metadata.ts'

export type ValidationPorts = {
  readonly registration: Registration
  readonly readStatement: ReadSoftwareStatement
  readonly checkSectorIdentifier: CheckSectorIdentifier
  /** The algorithms that this server can sign with. */
  readonly signingAlgorithms: readonly SigningAlgorithm[]
  readonly log: Log
}

export type ValidMetadata = {
  /** The registered metadata, including defaults. */
  readonly metadata: JsonObject
  /** Whether the client authenticates with a `client_secret`. */
  readonly needsSecret: boolean
  /** The client with this metadata. */
  readonly client: Client
  /** Requested values that were dropped, for the log: `scope: api1`, `logo_uri`. */
  readonly left: readonly string[]
  /** Whether a software statement contains everything that decides who gets tokens or what users see. */
  readonly trusted: boolean
}

/**
 * Validates metadata. Drops permissions that are not allowed and invalid values that the client does not need (RFC 7591
 * §3.2.1). Refuses `invalid_redirect_uri`, `invalid_client_metadata` (§3.2.2) and what software statements refuse.
 */
export async function validateMetadata(
  sent: JsonObject,
  clientId: string,
  ports: ValidationPorts,
): Promise<Result<ValidMetadata>> {
  const { registration, signingAlgorithms } = ports
  const stated = await withStatement(sent, ports)
  if (!stated.ok) return stated
  const { statedNames, metadata: requested, allowedGrantTypes } = stated.value
  const unfulfilled = unfulfilledIn(requested)
  if (unfulfilled) {
    return refuseMetadata('client_metadata_unsupported', `${unfulfilled}: not supported by this server`)
  }
  const reduced = reducePermissions(understood(requested), { ...registration, allowedGrantTypes })
  if (!reduced.ok) return reduced
  const uris = keepAllowedUris(reduced.value.metadata, registration)
  if (uris.isEmptied) return refuseProblems(uris.problems)
  const wanted = uris.metadata
  const needsSecret = usesSecret(withDefaults(wanted))
  const secrets = needsSecret ? [anySecret] : []
  const parsed = parseDropping(
    wanted,
    kept => draftOf(clientId, withDefaults(kept), registration, secrets),
    registration,
  )
  if (!parsed.ok) return refuseProblems(parsed.problems)
  const { client } = parsed
  const unsignable = unsupportedSigningAlgorithm(client, signingAlgorithms)
  if (unsignable) {
    return refuseMetadata('client_metadata_invalid', `${unsignable}: not a signing algorithm of this server`)
  }
  if (isSectorUnproven(client)) {
    return refuseMetadata(
      'client_metadata_not_allowed',
      'subject_type: pairwise identifiers of a host require grants that respond through redirect_uris',
    )
  }
  const { sector_identifier_uri: sector, redirect_uris } = client
  const outside = sector === undefined ? undefined : await ports.checkSectorIdentifier(sector, redirect_uris)
  if (outside) return outside
  // Store only verified statements.
  const software_statement = isEmpty(sent.software_statement) ? undefined : sent.software_statement
  const metadata = { ...metadataOf(client), ...(software_statement !== undefined && { software_statement }) }
  const left = [...reduced.value.left, ...uris.left, ...parsed.left]
  return ok({
    metadata,
    needsSecret,
    client,
    left,
    trusted: statedNames !== undefined && areStated(metadata, statedNames),
  })
}

const signedAnswers = [
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'introspection_signed_response_alg',
  'authorization_signed_response_alg',
] as const

/** Returns the member whose algorithm this server has no key for. */
const unsupportedSigningAlgorithm = (client: Client, able: readonly SigningAlgorithm[]): string | undefined =>
  signedAnswers.find(name => {
    const alg = client[name]
    return alg !== undefined && !able.includes(alg)
  })

/**
 * Returns whether the client could learn identifiers of another sector: it names a host but can get tokens without a
 * redirect to it, so its ownership of the host is not proven.
 */
const isSectorUnproven = (client: Client): boolean =>
  client.subject_type === 'pairwise' &&
  sectorOf(client) !== sectorOf({ client_id: client.client_id, redirect_uris: [] }) &&
  [...client.grant_types].some(grant => !redirectOnlyGrants.has(grant))

/** The columns of a row that the client depends on. */
export type ReadableRow = Pick<
  RegisteredClient,
  | 'client_id'
  | 'version'
  | 'metadata'
  | 'client_secret_hash'
  | 'client_secret_expires_at'
  | 'vouched_by'
  | 'shown_since'
>

/** Returns the client of a row; logs and returns undefined if it no longer fits the configuration. */
export function readRegistered(
  row: ReadableRow,
  {
    registration,
    signingAlgorithms,
    log,
  }: Pick<ValidationPorts, 'registration' | 'signingAlgorithms' | 'log'>,
): Client | undefined {
  const { client_id, client_secret_hash: sha256, client_secret_expires_at: end } = row
  const expires_at = end === undefined ? {} : { expires_at: new Date(end * 1000).toISOString() }
  const secrets = sha256 === undefined ? [] : [{ sha256, ...expires_at }]
  // The configuration may allow less now than at registration.
  const known = keepAllowedUris(understood(row.metadata), registration).metadata
  const parsed = registration.parse(draftOf(client_id, known, registration, secrets))
  const unsignable = parsed.ok ? unsupportedSigningAlgorithm(parsed.client, signingAlgorithms) : undefined
  if (parsed.ok && unsignable === undefined)
    return { ...parsed.client, registered: registeredOf(row, registration) }
  const faults = parsed.ok ? [unsignable] : parsed.problems.map(({ path }) => path)
  log.warn('registered_client_unfit', { client_id, faults })
  return undefined
}

const registeredOf = (row: ReadableRow, registration: Registration): SelfRegistration => ({
  trusted: isTrusted(row, registration),
  version: row.version,
  shown_since: row.shown_since,
})

/**
 * Returns whether the client is trusted. For rows older than the column `vouched_by`, it is if registration requires a
 * credential. Whether a statement suffices is decided again, because earlier versions compared URLs only.
 */
function isTrusted({ vouched_by, metadata }: ReadableRow, registration: Registration): boolean {
  const { mode, requireSoftwareStatement } = registration
  if (vouched_by === 'unknown') return mode === 'initial_access_token' || requireSoftwareStatement
  if (vouched_by !== 'software_statement') return vouched_by !== undefined
  const statedNames = storedNames(metadata.software_statement)
  return statedNames !== undefined && areStated(metadata, statedNames)
}

/** Adds defaults (RFC 7591 §2). */
const withDefaults = (metadata: JsonObject): JsonObject => ({
  token_endpoint_auth_method: 'client_secret_basic',
  ...metadata,
  ...originsOf(metadata),
})

/** Returns the CORS origins of a public web application: by default those of its redirection URIs. */
function originsOf({
  token_endpoint_auth_method,
  allowed_cors_origins,
  redirect_uris,
}: JsonObject): JsonObject {
  const isPublic = token_endpoint_auth_method === 'none'
  if (!isPublic || allowed_cors_origins !== undefined || !Array.isArray(redirect_uris)) return {}
  const web = redirect_uris.filter(
    uri => typeof uri === 'string' && URL.canParse(uri) && /^https?:/.test(uri),
  )
  return { allowed_cors_origins: [...new Set(web.map(uri => new URL(String(uri)).origin))] }
}

const usesSecret = ({ token_endpoint_auth_method: method }: JsonObject): boolean =>
  method === 'client_secret_basic' || method === 'client_secret_post'

/** Placeholder for the secret that is created after validation. */
const anySecret = { sha256: '0'.repeat(64) }

/** Returns the client in the form of the configuration. */
const draftOf = (
  client_id: string,
  metadata: JsonObject,
  { defaults }: Registration,
  client_secrets: readonly object[],
): object => ({
  ...defaults,
  ...metadata,
  // Not configurable for public clients (RFC 9700 §2.1.1).
  ...(metadata.token_endpoint_auth_method === 'none' && {
    require_pkce: true,
    refresh_token_usage: 'one_time',
  }),
  client_id,
  client_secrets,
})

function refuseProblems(problems: readonly MetadataProblem[]): Refusal {
  const [first] = problems
  const description = problems
    .slice(0, 5)
    .map(({ path, problem, expected }) => `${path}: ${problem} (expected ${expected})`)
    .join('; ')
  return first?.path.startsWith('redirect_uris')
    ? refuse('invalid_redirect_uri', 'client_redirect_uri_invalid', { description })
    : refuseMetadata('client_metadata_invalid', description)
}

const refuseMetadata = (reason: string, description: string): Refusal =>
  refuse('invalid_client_metadata', reason, { description })
