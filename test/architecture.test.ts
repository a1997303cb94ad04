/** The rules of imports between rooms. The table is `architecture/rooms.ts`; planted violations prove that each rule can fail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typesWithoutImporter } from './architecture/exports.ts'
import { importsOf } from './architecture/imports.ts'
import { refusalsWithoutReason } from './architecture/refusals.ts'
import { roomOf, rooms } from './architecture/rooms.ts'
import { importViolations, lengthViolations, type Sources } from './architecture/violations.ts'
import { textsOf } from './support/repository.ts'

const sources = textsOf('packages/*/src/**/*.ts')
const existing = new Set(importViolations(sources))

test('architecture: the table is held against every file of every room', () => {
  assert.ok(sources.size > 150, `only ${sources.size} files were seen`)
  const imports = [...sources.values()].flatMap(text => importsOf(text).specifiers)
  assert.ok(imports.length > 500, `only ${imports.length} imports were seen`)
  const seen = new Set([...sources.keys()].map(roomOf))
  assert.deepEqual([...seen].sort(), Object.keys(rooms).sort())
})

test('architecture: rooms import only what the table allows, and no cycle', () => {
  assert.deepEqual([...existing], [])
})

test('architecture: nine files in ten are under 300 lines, none is over 500', () => {
  assert.deepEqual(lengthViolations(sources), [])
})

test('architecture: no object literal is spread into another one only to fill a line', () => {
  const spread = [...sources].filter(([, text]) => text.includes('...{ ')).map(([file]) => file)
  assert.deepEqual(spread, [])
})

test('architecture: each exported type has an importer', () => {
  const servers = new Map([...sources].filter(([file]) => file.startsWith('packages/server/')))
  const others = new Map([...sources, ...textsOf('{test,bench,examples}/**/*.ts')])
  assert.deepEqual(typesWithoutImporter(servers, others), [])
})

test('architecture: an exported type without an importer is found', () => {
  const file: readonly [string, string] = [
    'packages/server/src/x.ts',
    'export type Alone = string\ntype Own = Alone',
  ]
  assert.deepEqual(typesWithoutImporter(new Map([file]), new Map()), ['packages/server/src/x.ts: Alone'])
  assert.deepEqual(typesWithoutImporter(new Map([file]), new Map([['y.ts', 'let x: Alone']])), [])
})

const server = 'packages/server/src'

/** Returns the violations that this file adds to the real ones. */
const planted = (file: string, text: string, more: Iterable<[string, string]> = []): readonly string[] =>
  importViolations(new Map([...sources, ...more, [file, text]]) as Sources).filter(
    violation => !existing.has(violation),
  )

const forbidden: readonly (readonly [rule: string, file: string, text: string, complaint: string])[] = [
  [
    'protocol imports nothing',
    'packages/protocol/src/x.ts',
    `import 'node:crypto'`,
    'may not import node:crypto',
  ],
  ['protocol imports no package', 'packages/protocol/src/x.ts', `import 'zod'`, 'may not import zod'],
  [
    'the model knows no service',
    `${server}/model/x.ts`,
    `import '../tokens/jwt.ts'`,
    '"model" may not import "tokens"',
  ],
  [
    'the model has no driver',
    `${server}/model/x.ts`,
    `import { DatabaseSync } from 'node:sqlite'`,
    '"model" may not import node:sqlite',
  ],
  [
    'a service knows no store',
    `${server}/tokens/x.ts`,
    `import type { X } from '../storage/memory/stores.ts'`,
    '"tokens" may not import "storage/memory"',
  ],
  [
    'a service knows no endpoint',
    `${server}/keys/x.ts`,
    `export { grantsOf } from '../endpoints/token/grants/index.ts'`,
    '"keys" may not import "endpoints/token"',
  ],
  [
    'services keep to the listed arrows',
    `${server}/tokens/x.ts`,
    `import '../identity/users.ts'`,
    '"tokens" may not import "identity"',
  ],
  [
    'an endpoint knows no other endpoint',
    `${server}/endpoints/revocation/x.ts`,
    `const x = await import('../token/token.ts')`,
    '"endpoints/revocation" may not import "endpoints/token"',
  ],
  [
    'an endpoint knows no store',
    `${server}/endpoints/token/x.ts`,
    `import '../../storage/sqlite/stores.ts'`,
    '"endpoints/token" may not import "storage/sqlite"',
  ],
  [
    'an endpoint knows no http',
    `${server}/endpoints/token/x.ts`,
    `import { listen } from '../../http/node.ts'`,
    '"endpoints/token" may not import "http"',
  ],
  [
    'an endpoint knows no Fastify',
    `${server}/endpoints/token/x.ts`,
    `import 'fastify'`,
    '"endpoints/token" may not import fastify',
  ],
  [
    'messages know no endpoint',
    `${server}/messages/x.ts`,
    `import '../endpoints/token/token.ts'`,
    '"messages" may not import "endpoints/token"',
  ],
  [
    'a protocol endpoint knows no page',
    `${server}/endpoints/revocation/x.ts`,
    `import '../../pages/flow/csrf.ts'`,
    '"endpoints/revocation" may not import "pages/flow"',
  ],
  [
    'a page knows no other page',
    `${server}/pages/login/x.ts`,
    `import '../consent/consent.ts'`,
    '"pages/login" may not import "pages/consent"',
  ],
  [
    'a page knows no store',
    `${server}/pages/login/x.ts`,
    `import '../../storage/memory/stores.ts'`,
    '"pages/login" may not import "storage/memory"',
  ],
  [
    'the views of pages do not depend on the flow',
    `${server}/pages/ui/x.ts`,
    `import '../flow/csrf.ts'`,
    '"pages/ui" may not import "pages/flow"',
  ],
  [
    'the runtime does not depend on the model',
    `${server}/runtime/x.ts`,
    `import '../model/client.ts'`,
    '"runtime" may not import "model"',
  ],
  [
    'the primary loads no server',
    `${server}/operations/workers/x.ts`,
    `import '../health.ts'`,
    '"operations/workers" may not import "operations"',
  ],
  [
    'a store knows no other store',
    `${server}/storage/memory/x.ts`,
    `import '../sqlite/stores.ts'`,
    '"storage/memory" may not import "storage/sqlite"',
  ],
  [
    'a store knows no service',
    `${server}/storage/memory/x.ts`,
    `import '../../keys/key-ring.ts'`,
    '"storage/memory" may not import "keys"',
  ],
  [
    'a store has its own driver only',
    `${server}/storage/memory/x.ts`,
    `import 'node:sqlite'`,
    '"storage/memory" may not import node:sqlite',
  ],
  [
    'http knows no model',
    `${server}/http/x.ts`,
    `import '../model/client.ts'`,
    '"http" may not import "model"',
  ],
  [
    'the root starts no command line',
    `${server}/server.ts`,
    `import './cli/program.ts'`,
    'may not import "cli"',
  ],
  [
    'the composition root knows no test server',
    `${server}/app/x.ts`,
    `await import('../testing/test-server.ts')`,
    '"app" may not import "testing"',
  ],
  [
    'the public interface knows no test server',
    `${server}/server.ts`,
    `export * from './testing.ts'`,
    'may not import "testing.ts"',
  ],
  [
    'only the command line imports the root',
    `${server}/tokens/x.ts`,
    `new Worker(new URL('../server.ts', import.meta.url))`,
    '"tokens" may not import "server.ts"',
  ],
  [
    'the command line knows no store',
    `${server}/cli/x.ts`,
    `import '../storage/sqlite/stores.ts'`,
    '"cli" may not import "storage/sqlite"',
  ],
  [
    'an extension grant has the public interface only',
    `${server}/endpoints/token/grants/token-exchange.ts`,
    `import type { Client } from '../../../model/client.ts'`,
    'may import nothing but',
  ],
  [
    'an extension grant has no package but jose',
    `${server}/endpoints/token/grants/jwt-bearer.ts`,
    `import { createHash } from 'node:crypto'`,
    'may import nothing but',
  ],
  ['every room has a row', `${server}/endpoints/novel/x.ts`, '', '"endpoints/novel", a room without a row'],
  ['every package has a row', 'packages/novel/src/x.ts', '', '"novel", a room without a row'],
  ['what is imported exists', `${server}/model/x.ts`, `import './nothing.ts'`, 'which does not exist'],
  ['what is imported can be read', `${server}/model/x.ts`, `await import(name)`, 'what is not written in it'],
  ['no file imports itself', `${server}/model/x.ts`, `export * from './x.ts'`, 'cycle: '],
]

for (const [rule, file, text, complaint] of forbidden) {
  test(`architecture: a planted violation is found: ${rule}`, () => {
    const found = planted(file, text)
    assert.ok(
      found.some(violation => violation.includes(file) && violation.includes(complaint)),
      `found only ${JSON.stringify(found)}`,
    )
  })
}

test('architecture: a planted cycle is found, one of types too', () => {
  const found = planted(`${server}/model/a.ts`, `import { b } from './b.ts'`, [
    [`${server}/model/b.ts`, `import type { C } from './c.ts'`],
    [`${server}/model/c.ts`, `import { a } from './a.ts'`],
  ])
  assert.equal(found.length, 1)
  assert.ok(found[0]?.startsWith('cycle: '))
  for (const file of ['a', 'b', 'c']) assert.ok(found[0]?.includes(`model/${file}.ts`))
})

test('architecture: planted long files are found', () => {
  const lines = (count: number) => 'x\n'.repeat(count)
  const few = Array.from({ length: 9 }, (_, at) => [`${at}.ts`, lines(299)] as const)
  assert.deepEqual(lengthViolations(new Map([['a.ts', lines(501)], ...few])), [
    'a.ts has 501 lines, more than 500',
  ])
  const tenth = new Map([['a.ts', lines(300)], ...few])
  assert.deepEqual(lengthViolations(tenth), [])
  const tooMany = new Map([...tenth, ['b.ts', lines(300)]])
  assert.deepEqual(lengthViolations(tooMany), ['more than one file in ten has 300 lines'])
})

test('architecture: imports are read as the language has them', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [`import 'a'; import "b"`, ['a', 'b']],
    [`import a from 'a'\nimport * as b from 'b'`, ['a', 'b']],
    [`import type { A } from 'a'\nexport type { B } from "b"`, ['a', 'b']],
    [`import a, {\n  type B,\n  c as d,\n} from 'e'`, ['e']],
    [`export * from 'a'; export * as b from 'b'; export { c } from 'c'`, ['a', 'b', 'c']],
    [`const { a } = await import('a')`, ['a']],
    [`type A = typeof import('a').b`, ['a']],
    [`new Worker(new URL('./a.ts', import.meta.url))`, ['./a.ts']],
    [`new URL('/a', base); import.meta.url`, []],
    [`// import 'a'\n/* import 'b' */`, []],
    [`const text = "import 'a'"; const other = \`import 'b' \${await import('c')} import 'd'\``, ['c']],
    [`const nested = \`\${[{ a: \`\${1}\` }].map(x => \`\${x}\`)}\`\nimport 'a'`, ['a']],
    [`const quote = /['"\`/*]/.test(x)\nimport 'a'`, ['a']],
    [`const half = a / b / c; import 'd' // '`, ['d']],
    [`export const from = 'a'; export default 'b'`, []],
    [`export const from = 'a'\nconst x = { import: 'b', export: 'c' }\nx.import('d')`, []],
    [`export { a }\nconst from = 'b'`, []],
    [`import { from } from 'a'; import from from 'b'`, ['a', 'b']],
  ]
  for (const [text, specifiers] of cases) assert.deepEqual(importsOf(text).specifiers, specifiers, text)
  assert.equal(importsOf('await import(name)').unreadable, 1)
})

test('architecture: a test that asserts a refusal asserts the reason in the log too', () => {
  const tests = textsOf('test/**/*.ts')
  assert.ok(tests.size > 150, `only ${tests.size} files were seen`)
  assert.deepEqual(refusalsWithoutReason(tests), [])
})

test('architecture: an assertion on a refusal without its reason is found', () => {
  const head = "import { createTestServer } from '../support/tessera.ts'\n"
  const found = (text: string) => refusalsWithoutReason(new Map([['test/x.test.ts', head + text]])).length
  const [code, client] = ['invalid_grant', 'invalid_client']
  for (const bare of [
    `assert.equal(json.error, '${code}')`,
    `assert.equal(\n  (await redeem(server, code)).json.error,\n  '${code}',\n)`,
    `assert.deepEqual(json, { error: '${code}' })`,
    `assert.ok(answers.every(({ json }) => json.error === '${code}'))`,
    `assert.equal(json.error, '${client}')`,
  ])
    assert.equal(found(bare), 1, bare)
  for (const good of [
    `assert.equal(json.error, '${code}')\nassert.equal(server.reason(), 'code_expired')`,
    `assertRefused(await redeem(server, code), '${code}', 'code_expired')`,
  ])
    assert.equal(found(good), 0, good)
})

/** A loop that sleeps until a condition holds: `until` does that with a limit and a message. */
const waitingLoop =
  /\b(?:while \(.*\)|for \(;;\)|for \((?:let (?:left|tries) |const deadline ).*\)(?:\s*\{[^}]*|\s+if \(.*\) return\s+else)?)\s+await (?:setTimeout|setImmediate|turns|new Promise|page\.waitForTimeout)\(/g

test('architecture: tests wait by `until`, which has a limit', () => {
  const waits = [...textsOf('test/**/*.ts')].flatMap(([file, text]) =>
    [...text.matchAll(waitingLoop)].map(([loop]) => `${file}: ${loop.replace(/\s+/g, ' ')}`),
  )
  assert.deepEqual(waits, [])
})
