/** Dynamic client registration (RFC 7591) and its management (RFC 7592). */

import type { JsonObject } from '@tessera/protocol/result'
import type { Issuer } from '../discovery/issuer.ts'
import { endpointUrl, isAllowedUrl } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import { type CallOptions, invalidResponse, serverError } from '../http/client-request.ts'
import { jsonObject, type ReceivedResponse, textMember } from '../http/response.ts'
import type { OutgoingRequest } from '../http/transport.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { fail, ok, type Result } from '../result.ts'
import { withApplicationType } from './application-type.ts'
import type { ClientInformation, ClientMetadata } from './client-metadata.ts'

export type RegistrationOptions = CallOptions & {
  /** The initial access token, if the server requires one (RFC 7591 §3). */
  readonly initialAccessToken?: string | undefined
  /** Metadata that the type does not know. */
  readonly members?: JsonObject | undefined
}

/**
 * Registers a client. Without `application_type`, it is derived from the redirect URIs: `native` if one of them is on a
 * loopback host or has the scheme of an application, otherwise `web`. Servers of OpenID Connect assume `web` and may then
 * refuse such URIs (OpenID Connect Dynamic Client Registration 1.0 §2). The server may replace or omit metadata, so read the result (RFC 7591 §3.2.1). The request is sent
 * once: if it fails with `mayHaveSucceeded`, there may be a client whose information was lost.
 */
export async function registerClient(
  issuer: Issuer,
  metadata: ClientMetadata,
  { initialAccessToken, members = {}, signal }: RegistrationOptions = {},
): Promise<Result<ClientInformation>> {
  const server = await unlessAborted(issuer.metadata(), signal)
  if (!server.ok) return server
  const url = endpointUrl(server.value, 'registration_endpoint')
  if (!url.ok) return url
  const received = await send(issuer, {
    method: 'POST',
    url: url.value,
    token: initialAccessToken,
    body: { ...members, ...withApplicationType(metadata) },
    signal,
  })
  return received.ok ? readInformation(received.value) : received
}

/** The part of {@link ClientInformation} that manages a registration. */
export type RegistrationAccess = Pick<
  ClientInformation,
  'client_id' | 'registration_access_token' | 'registration_client_uri'
>

/**
 * Requests the current information of a client (RFC 7592 §2.1). The server may replace the registration access token:
 * store the result. This and the functions below fail with `unsupported` if the information has no such token, and with
 * `policy` if the URL is not at the server's origin.
 */
export const readRegistration = (
  issuer: Issuer,
  access: RegistrationAccess,
  { signal }: CallOptions = {},
): Promise<Result<ClientInformation>> => manage(issuer, access, { method: 'GET', signal })

/**
 * Replaces the metadata of a client (RFC 7592 §2.2). Members that are left out may be removed. The server may replace
 * the client's secret and the registration access token: store the result.
 */
export const updateRegistration = (
  issuer: Issuer,
  access: RegistrationAccess,
  metadata: ClientMetadata & { readonly client_secret?: string },
  { members = {}, signal }: Omit<RegistrationOptions, 'initialAccessToken'> = {},
): Promise<Result<ClientInformation>> => {
  const body = { ...members, ...withApplicationType(metadata), client_id: access.client_id }
  return manage(issuer, access, { method: 'PUT', body, signal })
}

/** Deletes a client (RFC 7592 §2.3). Its secrets and tokens are invalid then. */
export async function deleteRegistration(
  issuer: Issuer,
  access: RegistrationAccess,
  { signal }: CallOptions = {},
): Promise<Result<undefined>> {
  const received = await sendToClientUri(issuer, access, { method: 'DELETE', signal })
  return received.ok ? ok(undefined) : received
}

type ManagementRequest = Pick<OutgoingRequest, 'method' | 'signal'> & { readonly body?: object }

async function manage(
  issuer: Issuer,
  access: RegistrationAccess,
  request: ManagementRequest,
): Promise<Result<ClientInformation>> {
  const received = await sendToClientUri(issuer, access, request)
  if (!received.ok) return received
  const information = readInformation(received.value)
  if (!information.ok) return information
  const { client_id, registration_access_token, registration_client_uri } = access
  if (information.value.client_id !== client_id)
    return fail(invalidResponse('the client information is of another client', received.value))
  return ok({ registration_access_token, registration_client_uri, ...information.value })
}

async function sendToClientUri(
  issuer: Issuer,
  { registration_client_uri: url, registration_access_token: token }: RegistrationAccess,
  request: ManagementRequest,
): Promise<Result<ReceivedResponse>> {
  if (url === undefined || token === undefined)
    return fail(
      new ClientError(
        'unsupported',
        'registration_not_managed',
        'the client information has no registration_client_uri and registration_access_token',
      ),
    )
  const server = await unlessAborted(issuer.metadata(), request.signal)
  if (!server.ok) return server
  const places = [issuer.url, server.value.registration_endpoint]
  return isAllowedUrl(url, issuer.policy) && places.some(place => isSameOrigin(url, place))
    ? send(issuer, { ...request, url, token })
    : fail(
        new ClientError(
          'policy',
          'registration_client_uri_not_allowed',
          'registration_client_uri is not at the origin of the issuer or of its registration_endpoint',
        ),
      )
}

const isSameOrigin = (url: string, other: string | undefined): boolean =>
  other !== undefined && new URL(url).origin === new URL(other).origin

type RegistrationRequest = ManagementRequest & {
  readonly url: string
  readonly token: string | undefined
}

async function send(
  issuer: Issuer,
  { method, url, token, body, signal }: RegistrationRequest,
): Promise<Result<ReceivedResponse>> {
  const received = await issuer.send({
    operation: 'registration',
    method,
    url,
    headers: {
      accept: 'application/json',
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal,
  })
  if (!received.ok) return received
  const { status } = received.value
  return status >= 200 && status < 300
    ? received
    : fail(serverError(received.value, token === undefined ? [] : [token]))
}

function readInformation(response: ReceivedResponse): Result<ClientInformation> {
  const members = jsonObject(response)
  const client_id = members && textMember(members, 'client_id')
  if (!members || !client_id) return fail(invalidResponse('the response has no client_id', response))
  const entries = Object.entries(members)
  const metadata = Object.fromEntries(entries.filter(([name]) => !Object.hasOwn(informationMembers, name)))
  const information = Object.fromEntries(
    entries.filter(
      ([name, value]) => Object.hasOwn(informationMembers, name) && typeof value === informationMembers[name],
    ),
  )
  return ok({ ...information, client_id, metadata, members })
}

/** Members of client information that are not metadata, with their types (RFC 7591 §3.2.1, RFC 7592 §3). */
const informationMembers: Readonly<Record<string, 'string' | 'number'>> = {
  client_id: 'string',
  client_secret: 'string',
  client_id_issued_at: 'number',
  client_secret_expires_at: 'number',
  registration_access_token: 'string',
  registration_client_uri: 'string',
}
