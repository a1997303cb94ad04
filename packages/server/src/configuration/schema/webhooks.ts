/** Webhooks: addresses that events are sent to, and the secrets of their signatures (Standard Webhooks 1.0). */

import { type EventType, eventTypes } from '../../model/events.ts'
import type { Webhook } from '../../model/webhook.ts'
import * as s from '../validation/kinds.ts'
import type { CheckError } from '../validation/schema.ts'
import { defined, webUrl } from './values.ts'

/** Bytes ("Signature scheme"). */
const [shortest, longest] = [24, 64]
const form = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/

/** Returns the key; undefined if the text is not a secret. */
function keyOf(text: string): Uint8Array | undefined {
  const [, encoded] = form.exec(text) ?? []
  if (encoded === undefined) return undefined
  const key = new Uint8Array(Buffer.from(encoded, 'base64'))
  return key.length >= shortest && key.length <= longest ? key : undefined
}

const secret = () =>
  s.string().check(value => {
    if (keyOf(value)) return undefined
    const expected = `whsec_ and ${shortest} to ${longest} random bytes in base64`
    return value.startsWith('env:')
      ? { problem: 'the variable is not set, or has no secret', expected, fix: 'set the variable' }
      : {
          problem: 'it is not a webhook secret',
          expected,
          fix: 'generate one with: echo "whsec_$(openssl rand -base64 32)"',
        }
  })

const webhookSchema = s
  .strictObject({
    url: webUrl().describe(
      'Where events are posted to: https. http only to an address in outbound.allowed_private_networks.',
    ),
    secrets: s
      .array(s.secret(secret()))
      .min(1)
      .max(2)
      .describe(
        'Secrets of the signature: whsec_ and base64. Two while you change it, the new one first. "env:NAME" is an older form of { "env": "NAME" }.',
      ),
    events: s
      .array(s.enum(eventTypes as readonly [EventType, ...EventType[]]))
      .min(1)
      .optional()
      .describe('The types of events to send. Omitted: all.'),
  })
  .describe('An address that gets events.')

/** A webhook's rows are named by its address, and an event is stored once for each. */
function repeatedUrl(webhooks: readonly { readonly url: string }[]): CheckError | undefined {
  const index = webhooks.findIndex(({ url }, place) => webhooks.findIndex(one => one.url === url) < place)
  return index < 0
    ? undefined
    : {
        path: [index, 'url'],
        problem: 'another webhook has this address',
        expected: 'one webhook for each address',
        fix: 'join their "events", or add a query to one of the addresses',
      }
}

export const webhooksSchema = s
  .array(webhookSchema)
  .max(20)
  .check(repeatedUrl)
  .default([])
  .describe('Addresses that events are sent to, as Standard Webhooks describes.')

export const webhooksOf = (draft: s.output<typeof webhooksSchema>): readonly Webhook[] =>
  draft.map(({ url, secrets, events }) =>
    defined({
      url,
      secrets: secrets.flatMap(text => keyOf(text) ?? []),
      events: events && new Set(events),
    }),
  )
