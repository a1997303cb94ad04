/** Signing keys: their list, and rotation. */

import type { Seconds } from '@tessera/protocol/brand'
import * as s from '../../configuration/validation/kinds.ts'
import type { Descriptions, Handlers } from './operation.ts'

const states = ['signing', 'announced', 'retained', 'verification'] as const

type KeyInfo = {
  readonly kid: string
  readonly alg: string
  readonly state: (typeof states)[number]
  readonly created_at: Seconds
  readonly active_from: Seconds
  readonly until?: Seconds | undefined
}

type KeyPorts = {
  readonly keys: {
    readonly list: () => readonly KeyInfo[]
    readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  }
}

export const keySchemas = {
  Key: s
    .strictObject({
      kid: s.string(),
      alg: s.string(),
      state: s
        .enum(states)
        .describe(
          'announced: signs later. retained: signs no longer. verification: a key of another server, which only verifies. All of them are published.',
        ),
      created_at: s.int().describe('Seconds since 1970.'),
      active_from: s.int().describe('When it starts to sign. Seconds since 1970.'),
      until: s.int().optional().describe('When a key that only verifies is removed. Seconds since 1970.'),
    })
    .describe('A signing key, without its private part.'),
}

const tag = 'Keys'

export const keyOperations = {
  listKeys: {
    method: 'GET',
    path: '/keys',
    tag,
    scope: 'admin:keys.read',
    summary: 'List the signing keys.',
    success: { 200: { description: 'All keys.', schema: 'Key', list: true } },
    problems: [],
  },
  rotateKeys: {
    method: 'POST',
    path: '/keys/rotation',
    tag,
    scope: 'admin:keys.write',
    summary: 'Create a new signing key for each algorithm.',
    body: {
      type: 'application/json',
      schema: s.strictObject({
        now: s
          .boolean()
          .default(false)
          .describe('true: the keys sign as soon as every node publishes them, for a key that was stolen.'),
      }),
    },
    success: { 200: { description: 'All keys.', schema: 'Key', list: true } },
    problems: [],
  },
} as const satisfies Descriptions

export const createKeyHandlers = ({ keys }: KeyPorts): Handlers<typeof keyOperations> => ({
  listKeys: () => ({ ok: true, status: 200, body: { items: keys.list() } }),
  async rotateKeys({ body, changed }) {
    const items = await keys.rotate(body)
    changed('keys', items.map(({ kid }) => kid).join(' '))
    return { ok: true, status: 200, body: { items } }
  },
})
