/** Requests of an authenticated client to an endpoint of its server: a form, and a JSON response. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { type EndpointName, endpointUrl } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { encodeForm, type FormParameters } from './form.ts'
import { sendProven } from './proven-request.ts'
import { redact, secretsOf } from './redact.ts'
import { jsonObject, type ReceivedResponse, textMember } from './response.ts'
import type { Operation, OutgoingRequest } from './transport.ts'
import { unlessAborted } from './unless-aborted.ts'

export type CallOptions = {
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined
}

export type ClientRequest = CallOptions & {
  readonly operation: Operation
  readonly endpoint: EndpointName
  readonly parameters: FormParameters
  /** Whether the endpoint issues tokens, so that the request contains a proof. */
  readonly proof?: boolean
  readonly accept?: string
}

/**
 * Sends a form as the client. Fails with `response` if the status is not 2xx. The proof may ask for one more attempt;
 * nothing else is repeated.
 */
export async function postAsClient(
  client: Client,
  request: ClientRequest,
): Promise<Result<ReceivedResponse>> {
  const { client_id, authentication } = client
  const metadata = await unlessAborted(client.issuer.metadata(), request.signal)
  if (!metadata.ok) return metadata
  const found = endpointUrl(metadata.value, request.endpoint, authentication.mtls)
  if (!found.ok) return found
  const url = found.value
  const proof = request.proof ? client.proof : undefined
  let secrets: readonly string[] = []
  const received = await sendProven(client, proof, { method: 'POST', url }, async () => {
    const now = Math.floor(client.issuer.now())
    const credentials = await authentication.credentials({ client_id, url, metadata: metadata.value, now })
    const outgoing: OutgoingRequest = {
      operation: request.operation,
      method: 'POST',
      url,
      headers: {
        accept: request.accept ?? 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...credentials.headers,
      },
      body: encodeForm(request.parameters, credentials.parameters ?? {}).toString(),
      signal: request.signal,
    }
    secrets = secretsOf(outgoing)
    return outgoing
  })
  if (!received.ok) return received
  const { status } = received.value
  return status >= 200 && status < 300 ? received : fail(serverError(received.value, secrets))
}

/** Sends a form as the client and returns the JSON object of the response. */
export async function postForJson(
  client: Client,
  request: ClientRequest,
): Promise<Result<{ readonly members: JsonObject; readonly response: ReceivedResponse }>> {
  const received = await postAsClient(client, request)
  if (!received.ok) return received
  const members = jsonObject(received.value)
  return members
    ? ok({ members, response: received.value })
    : fail(invalidResponse('the response is not a JSON object', received.value))
}

/** Creates an error for a response that breaks its specification. */
export const invalidResponse = (message: string, response: ReceivedResponse): ClientError =>
  new ClientError('invalid', 'invalid_response', message, { response, mayHaveSucceeded: true })

/**
 * Returns the error of a response that is not 2xx (RFC 6749 §5.2, RFC 6750 §3, RFC 9110 §15).
 * @param secrets values in the request that some servers repeat in descriptions; they are replaced.
 */
export function serverError(response: ReceivedResponse, secrets: readonly string[]): ClientError {
  const members = jsonObject(response) ?? {}
  const text = (name: string): string | undefined => redact(textMember(members, name), secrets)
  const error = text('error') || undefined
  const description = text('error_description')
  const retryAfter = secondsOf(response.headers.get('retry-after'))
  // The server may have failed after it did its work, or a proxy may have responded in its place.
  const mayHaveSucceeded = response.status >= 500
  if (error === undefined)
    return new ClientError('response', `http_${response.status}`, `the server responded ${response.status}`, {
      response,
      retryAfter,
      mayHaveSucceeded,
    })
  const message = description === undefined ? error : `${error}: ${description}`
  return new ClientError('response', error, message, {
    description,
    uri: text('error_uri'),
    response,
    retryAfter,
    mayHaveSucceeded,
  })
}

const secondsOf = (text: string | null): number | undefined =>
  text !== null && /^\d+$/.test(text) ? Number(text) : undefined
