/** Pushed authorization requests (RFC 9126). */

import type { Client } from '../create-client.ts'
import { invalidResponse, postForJson } from '../http/client-request.ts'
import type { FormParameters } from '../http/form.ts'
import { textMember } from '../http/response.ts'
import { fail, ok, type Result } from '../result.ts'

/** Sends the parameters to the server and returns those that refer to them, for the browser (RFC 9126 §4). */
export async function pushRequest(
  client: Client,
  parameters: FormParameters,
  signal: AbortSignal | undefined,
): Promise<Result<FormParameters>> {
  const received = await postForJson(client, {
    operation: 'pushed_authorization_request',
    endpoint: 'pushed_authorization_request_endpoint',
    parameters,
    signal,
  })
  if (!received.ok) return received
  const { members, response } = received.value
  const request_uri = textMember(members, 'request_uri')
  return request_uri
    ? ok({ client_id: client.client_id, request_uri })
    : fail(invalidResponse('the response to the pushed authorization request has no request_uri', response))
}
