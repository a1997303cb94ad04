/** docs/guides/events.md: its table of types, and the code that verifies a webhook. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventTypes } from '../../packages/server/src/model/events.ts'
import { webhookHeaders } from '../../packages/server/src/operations/events/signature.ts'
import { webhookSecret } from '../support/events.ts'
import { readText } from '../support/repository.ts'

const guide = readText('docs/guides/events.md')

/** The members of each type, as the type declares them. */
function declared(): Readonly<Record<string, string>> {
  const [, body = ''] =
    /export type EventData = \{\n([\s\S]*?)\n\}\n/.exec(readText('packages/server/src/model/events.ts')) ?? []
  return Object.fromEntries(
    [...body.matchAll(/readonly '([\w.]+)': \{([\s\S]*?)\n? *\}(?=\n|$)/g)].map(
      ([, type = '', members = '']) => [
        type,
        [...members.matchAll(/readonly (\w+)(\??):/g)].map(([, name, mark]) => `${name}${mark}`).join(' '),
      ],
    ),
  )
}

test('the guide lists each type of event with its members', () => {
  const [, table = ''] = /<!-- events -->\n([\s\S]*?)\n<!-- \/events -->/.exec(guide) ?? []
  const rows = Object.fromEntries(
    [...table.matchAll(/^\| `([\w.]+)` \| (.*?) \|/gm)].map(([, type = '', members = '']) => [
      type,
      members.replaceAll(/[`,]/g, ''),
    ]),
  )
  assert.deepEqual(rows, declared())
  assert.deepEqual(Object.keys(rows), eventTypes)
})

test('the guide’s code accepts a webhook, and refuses another body, secret or time', () => {
  const [, code = ''] = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(guide) ?? []
  const verify = new Function(
    'createHmac',
    'timingSafeEqual',
    `${code.replace(/^import.*$/m, '')}\nreturn verify`,
  )(
    process.getBuiltinModule('node:crypto').createHmac,
    process.getBuiltinModule('node:crypto').timingSafeEqual,
  )
  const body = '{"type":"user.created"}'
  const at = 1_790_000_000
  const keyOf = (secret: string) => Buffer.from(secret.slice(6), 'base64')
  const other = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
  const headers = webhookHeaders({ id: 'evt_1', at, body, secrets: [keyOf(other), keyOf(webhookSecret)] })
  const given = { headers, body, secret: webhookSecret, now: at + 10 }
  assert.deepEqual(verify(given), { type: 'user.created' })
  assert.deepEqual(verify({ ...given, secret: other }), { type: 'user.created' })
  assert.throws(() => verify({ ...given, body: `${body} ` }), /signature/)
  assert.throws(
    () => verify({ ...given, secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` }),
    /signature/,
  )
  assert.throws(() => verify({ ...given, headers: { ...headers, 'webhook-id': 'evt_2' } }), /signature/)
  assert.throws(() => verify({ ...given, now: at + 301 }), /timestamp/)
})
