/**
 * Stores a long request, so that the URLs of its pages stay short: nginx responds 502 if the headers of a response are
 * longer than its buffer, 4 KiB by default. Anyone can trigger this with a GET, so the rows of each network are
 * counted. For a network with too many rows, the request stays in the URL.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { LongRequests } from '../../authorization-request/long-request.ts'
import type { CountPending } from '../../identity/attempt-limits.ts'
import { doCounted } from '../../identity/attempts.ts'
import type { Client } from '../../model/client.ts'
import type { Continuation, Continuations } from './continuation.ts'

type Waiting = Continuation & { readonly kind: 'authorization' }

export type Shorten = (request: HttpRequest, client: Client, continuation: Waiting) => Promise<Waiting>

/** The maximum number of characters of a sealed request in a URL. */
const longest = 1500

/** Bytes of JSON that fit, whatever the compression does. Most requests are shorter and need not be sealed to know it. */
const surelyShort = 1000

const isShort = (continuations: Pick<Continuations, 'seal'>, continuation: Waiting): boolean =>
  Buffer.byteLength(JSON.stringify(continuation)) <= surelyShort ||
  continuations.seal(continuation).length <= longest

export const createShorten =
  ({
    continuations,
    longRequests,
    countPending,
  }: {
    readonly continuations: Pick<Continuations, 'seal'>
    readonly longRequests: LongRequests
    readonly countPending: CountPending
  }): Shorten =>
  async (request, client, continuation) => {
    if (continuation.stored || isShort(continuations, continuation)) return continuation
    const { lifetime } = longRequests
    const counted = await countPending(request, client, { kind: 'long request', lifetime })
    if (!counted.ok) return continuation
    const keep = () => longRequests.keep(client.client_id, continuation.parameters)
    return { ...continuation, stored: await doCounted(counted.value, keep, () => true) }
  }
