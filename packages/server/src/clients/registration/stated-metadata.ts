/**
 * Combines the metadata of a request with its software statement (RFC 7591 §2.3). Statements are public: anyone can send
 * one together with members of their own, which nobody vouches for.
 */

import { certificateMethods } from '@tessera/protocol/client-authentication'
import { type Json, type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import { describingNames } from '../../model/client-languages.ts'
import type { Registration } from '../../model/registration.ts'
import { isEmpty, type MemberName } from './metadata.ts'
import type { ReadSoftwareStatement } from './software-statement.ts'

type Stated = {
  readonly metadata: JsonObject
  /** The members of the statement without language tags; undefined if none was sent. */
  readonly statedNames?: ReadonlySet<string>
  /** The grants that the client may register. */
  readonly allowedGrantTypes: ReadonlySet<string>
}

/**
 * Merges the statement, whose values take precedence (RFC 7591 §2.3). Values in other languages count as the same
 * member (§2.2); otherwise a client could show its own name to some users. If statements are required, everything that
 * users see comes from the statement, and so does every grant that returns tokens of users without a redirect.
 */
export async function withStatement(
  sent: JsonObject,
  {
    registration: { requireSoftwareStatement: isRequired, allowedGrantTypes },
    readStatement,
  }: { readonly registration: Registration; readonly readStatement: ReadSoftwareStatement },
): Promise<Result<Stated>> {
  if (isEmpty(sent.software_statement)) {
    return isRequired
      ? refuse('invalid_software_statement', 'software_statement_missing', {
          description: 'a software statement is required',
        })
      : ok({ metadata: sent, allowedGrantTypes })
  }
  const claims = await readStatement(sent.software_statement)
  if (!claims.ok) return claims
  const statedNames = namesOf(claims.value)
  const fromStatement = new Set([...statedNames, ...(isRequired ? displayedNames : [])])
  const kept = Object.entries(sent).filter(([name]) => !fromStatement.has(baseName(name)))
  return ok({
    metadata: { ...Object.fromEntries(kept), ...claims.value },
    statedNames,
    allowedGrantTypes:
      isRequired && !statedNames.has('grant_types')
        ? new Set([...allowedGrantTypes].filter(grant => redirectOnlyGrants.has(grant)))
        : allowedGrantTypes,
  })
}

/** Returns the members of a statement that was verified before it was stored; undefined if it is damaged. */
export function storedNames(statement: Json | undefined): ReadonlySet<string> | undefined {
  if (typeof statement !== 'string') return undefined
  const [, payload = ''] = statement.split('.')
  try {
    return namesOf(JSON.parse(Buffer.from(payload, 'base64url').toString()) as JsonObject)
  } catch {
    return undefined
  }
}

/** Grants that return tokens only through the redirection URI, or for a refresh token that did. */
const redirectGrants = ['authorization_code', 'implicit', 'refresh_token'] as const

/** Grants that return no tokens of users, or only through the redirection URI. */
export const redirectOnlyGrants: ReadonlySet<string> = new Set([...redirectGrants, 'client_credentials'])

/**
 * Returns whether the statement contains every member of the client that decides who gets its tokens or what users see.
 * @param metadata as registered, with defaults.
 */
export function areStated(metadata: JsonObject, statedNames: ReadonlySet<string>): boolean {
  const unstated = Object.keys(metadata).filter(name => !statedNames.has(baseName(name)))
  return unstated.every(name => isEmpty(metadata[name]) || isHarmless(name, metadata))
}

function isHarmless(name: string, metadata: JsonObject): boolean {
  if (name === 'grant_types') return !hasDirectGrant(metadata)
  if (name === 'token_endpoint_auth_method') return isMethodOpen(metadata)
  if (name === 'allowed_cors_origins') return areOwnOrigins(metadata)
  return harmless.has(name)
}

const hasDirectGrant = ({ grant_types }: JsonObject): boolean =>
  textsOf(grant_types).some(grant => !redirectGrants.some(one => one === grant))

/**
 * Returns whether the sender may choose the authentication method. A method without a key lets them get around the keys
 * of the statement, or use a grant without a redirect.
 */
function isMethodOpen(metadata: JsonObject): boolean {
  const hasKeys = keyMembers.some(name => !isEmpty(metadata[name]))
  return keyMethods.has(metadata.token_endpoint_auth_method) || !(hasKeys || hasDirectGrant(metadata))
}

const keyMembers = ['jwks', 'jwks_uri', 'tls_client_auth_subject_dn'] as const

/** Methods whose keys are {@link keyMembers}. */
const keyMethods: ReadonlySet<unknown> = new Set(['private_key_jwt', ...certificateMethods])

/** Returns whether scripts of no other origin than those of the redirection URIs can read token responses. */
function areOwnOrigins({ allowed_cors_origins, redirect_uris }: JsonObject): boolean {
  const own = textsOf(redirect_uris).map(uri => URL.parse(uri)?.origin)
  return textsOf(allowed_cors_origins).every(origin => own.includes(origin))
}

/** Members that a sender may add. They redirect nobody, authenticate nobody, encrypt to nobody and are not shown. */
const harmless: ReadonlySet<string> = new Set([
  'application_type',
  'authorization_encrypted_response_alg',
  'authorization_encrypted_response_enc',
  'authorization_signed_response_alg',
  'backchannel_logout_session_required',
  'contacts',
  'default_acr_values',
  'default_max_age',
  'dpop_bound_access_tokens',
  'frontchannel_logout_session_required',
  'id_token_encrypted_response_alg',
  'id_token_encrypted_response_enc',
  'id_token_signed_response_alg',
  'introspection_encrypted_response_alg',
  'introspection_encrypted_response_enc',
  'introspection_signed_response_alg',
  'request_object_encryption_alg',
  'request_object_encryption_enc',
  'request_object_signing_alg',
  'require_auth_time',
  'require_pushed_authorization_requests',
  'require_signed_authorization_response',
  'require_signed_request_object',
  'response_types',
  'scope',
  'software_id',
  'software_statement',
  'software_version',
  'subject_type',
  'tls_client_certificate_bound_access_tokens',
  'token_endpoint_auth_signing_alg',
  'userinfo_encrypted_response_alg',
  'userinfo_encrypted_response_enc',
  'userinfo_signed_response_alg',
] satisfies readonly (MemberName | 'software_statement')[])

/** Members that users see. Pages also link to the start of the sign-in. */
const displayedNames = [...describingNames, 'initiate_login_uri'] as const

const namesOf = (claims: JsonObject): ReadonlySet<string> => new Set(Object.keys(claims).map(baseName))

/** Returns `client_name` for `client_name#fr`. */
const baseName = (member: string): string => member.split('#', 1)[0] ?? ''

const textsOf = (list: Json | undefined): readonly string[] => (Array.isArray(list) ? list.map(String) : [])
