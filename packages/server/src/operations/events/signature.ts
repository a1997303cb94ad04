/** Signs webhooks (Standard Webhooks 1.0, "Signature scheme"): HMAC-SHA256 over `id.timestamp.body`. */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'

type Signed = {
  /** Contains no full stop, which separates the signed parts. */
  readonly id: string
  /** The time of the attempt. */
  readonly at: Seconds
  readonly body: string
  /**
   * With several keys, receivers accept a signature by any of them, so the secret can be changed without losing a
   * webhook.
   */
  readonly secrets: readonly Uint8Array[]
}

export const webhookHeaders = ({ id, at, body, secrets }: Signed): Readonly<Record<string, string>> => ({
  'webhook-id': id,
  'webhook-timestamp': String(at),
  'webhook-signature': secrets.map(secret => signatureBy(secret, `${id}.${at}.${body}`)).join(' '),
})

const signatureBy = (secret: Uint8Array, text: string): string =>
  `v1,${createHmac('sha256', secret).update(text, 'utf8').digest('base64')}`
