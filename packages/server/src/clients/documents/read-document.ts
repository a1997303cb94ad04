/** Turns a Client ID Metadata Document into a client (draft-ietf-oauth-client-id-metadata-document-03 §4). */

import { hostOfClientIdUrl } from '@tessera/protocol/client-id-url'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import type { DocumentOrigin, DocumentPolicy, HostTrust } from '../../model/client-document.ts'
import { isEmpty } from '../registration/metadata.ts'
import { type ValidationPorts, validateMetadata } from '../registration/metadata-validation.ts'

export type ReadDocumentPorts = Omit<ValidationPorts, 'checkSectorIdentifier'> & {
  readonly policy: Pick<DocumentPolicy, 'allowedGrantTypes'>
}

type ReadClient = {
  readonly client: Client
  /** Values that were left out, for the log. */
  readonly left: readonly string[]
}

/**
 * Reads a document with the rules of dynamic client registration. Refuses what {@link validateMetadata} refuses, and
 * documents with another `client_id`, shared secrets, or keys at another host.
 */
export async function readDocument(
  clientId: string,
  { document, version }: { readonly document: JsonObject; readonly version: number },
  trust: HostTrust,
  { policy, registration, ...ports }: ReadDocumentPorts,
): Promise<Result<ReadClient>> {
  const problem = problemOf(clientId, document)
  if (problem) return problem
  const { sector_identifier_uri: _, token_endpoint_auth_method: method, ...others } = document
  const sent = {
    ...others,
    token_endpoint_auth_method: isEmpty(method) ? 'none' : method!,
    // The redirect URIs of a document can change, so the host of the `client_id` is the sector.
    ...(others.subject_type === 'pairwise' && { sector_identifier_uri: clientId }),
  }
  const valid = await validateMetadata(sent, clientId, {
    ...ports,
    registration: { ...registration, allowedGrantTypes: policy.allowedGrantTypes },
    // The host published the document.
    checkSectorIdentifier: async () => undefined,
  })
  if (!valid.ok) return valid
  const { client, trusted, left, needsSecret } = valid.value
  // A software statement takes precedence over the document.
  const elsewhere = needsSecret ? sharedSecret : keysProblem(clientId, client.jwks_uri)
  if (elsewhere) return elsewhere
  const host = hostOfClientIdUrl(clientId)
  return ok({ client: ofHost(client, { host, trust }, { trusted, version }), left })
}

/** Members that a document must not have, because no secret can be agreed upon (§4.1). */
const secretMembers = ['client_secret', 'client_secret_expires_at'] as const

function problemOf(clientId: string, document: JsonObject): Refusal | undefined {
  // RFC 3986 §6.2.1.
  if (document.client_id !== clientId)
    return invalid('client_document_of_another_client', 'client_id: must be the URL of the document')
  const secret = secretMembers.find(name => Object.hasOwn(document, name))
  if (secret !== undefined)
    return invalid('client_document_with_secret', `${secret}: may not be in a document`)
  const method = document.token_endpoint_auth_method
  return typeof method === 'string' && method.startsWith('client_secret_') ? sharedSecret : undefined
}

/** Users see and trust the host of the client, so no other host may hold its keys. */
const keysProblem = (clientId: string, uri: string | undefined): Refusal | undefined =>
  uri === undefined || URL.parse(uri)?.origin === new URL(clientId).origin
    ? undefined
    : invalid('client_document_keys_elsewhere', 'jwks_uri: must be at the host of the client_id')

const invalid = (reason: string, description: string): Refusal =>
  refuse('invalid_client_metadata', reason, { description })

const sharedSecret = invalid(
  'client_document_with_secret',
  'token_endpoint_auth_method: must not need a shared secret',
)

/** Adds what the document can't choose. */
function ofHost(
  client: Client,
  document: DocumentOrigin,
  { trusted, version }: { readonly trusted: boolean; readonly version: number },
): Client {
  const isAllowed = document.trust === 'allowed'
  const { logo_uri, localized, ...others } = client
  const { logo_uri: _, ...texts } = localized ?? {}
  return {
    ...others,
    // The browser would load the image from an unknown host before the user decides.
    ...(isAllowed ? { logo_uri, localized } : localized && { localized: texts }),
    require_consent: client.require_consent || !isAllowed,
    require_pkce: true,
    ...(client.subject_type === 'pairwise' && { sector_identifier_uri: client.client_id }),
    registered: { trusted: trusted || isAllowed, version, document },
  }
}
