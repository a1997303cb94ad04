/** A master key in a key service: how often it is called, what it is given, and what happens if it fails. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { restartErrors } from '../../packages/server/src/configuration/restart.ts'
import type { MasterKeyError } from '../../packages/server/src/keys/master-key-error.ts'
import { mastersOf, rootKeysSetting } from '../../packages/server/src/keys/root-key-set.ts'
import {
  type ConfiguredMasterKey,
  checkedMasterKeyService,
  MasterKeyRefused,
  type MasterKeyService,
} from '../../packages/server/src/model/master-key.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { createKeyService } from './key-service.ts'
import { createClock, masterKey } from './keys.ts'
import {
  assertComplete,
  fill,
  rotate,
  startNode,
  type TestStores,
  unlockWith,
  type World,
} from './rotation-world.ts'

const fileKey = masterKey(1)
const createWorld = (): World => ({ stores: createMemoryStores() as TestStores, clock: createClock() })
/** Seconds; short, so that a service that hangs fails soon. */
const limit = 0.02
const configuredOf = (service: MasterKeyService): ConfiguredMasterKey => ({
  kind: 'service',
  from: 'masterKey',
  service: checkedMasterKeyService('masterKey', service, limit),
})
const mastersIn = async ({ stores }: World) => mastersOf(String(await stores.settings.get(rootKeysSetting)))

test('key service: a new store gets a random root key, and each later start is one call', async () => {
  const world = createWorld()
  const { service, calls } = createKeyService()
  const seen: object[] = []
  const watching: MasterKeyService = {
    ...service,
    wrap(request, context) {
      seen.push({ bytes: request.key.length, context: request.context, signal: context.signal.aborted })
      return service.wrap(request, context)
    },
  }
  const filled = await fill(world, configuredOf(watching))
  // Wrapped, and unwrapped once to be sure.
  assert.deepEqual(calls(), ['wrap', 'unwrap'])
  assert.deepEqual(seen, [{ bytes: 32, context: { tessera: 'root-keys' }, signal: false }])
  assert.deepEqual(await mastersIn(world), ['service:arn:test:key/1'])
  await assertComplete(world, filled, configuredOf(service))
  assert.deepEqual(calls(), ['unwrap'])
  // Another store with the same key has another root key.
  const other = await fill(createWorld(), configuredOf(service))
  assert.notDeepEqual(other.pairwise, filled.pairwise)
})

test('key service: workers that start a new store at the same time agree on one root key', async () => {
  const world = createWorld()
  const { service, calls } = createKeyService()
  const start = () =>
    Promise.all([1, 2, 3, 4].map(() => unlockWith(world.stores, world.clock, configuredOf(service))))
  const first = await start()
  const [one] = first
  for (const { rootKeys } of first)
    assert.deepEqual(rootKeys.derived.derive('x'), one!.rootKeys.derived.derive('x'))
  // Each wraps and checks its own root key, and three open that of the first.
  assert.deepEqual(calls().toSorted(), [...Array(7).fill('unwrap'), ...Array(4).fill('wrap')])
  await start()
  assert.deepEqual(calls(), Array(4).fill('unwrap'))
})

test('key service: a running process calls it only when the root keys in the store change', async () => {
  const world = createWorld()
  const { service, calls } = createKeyService()
  await fill(world, fileKey)
  const node = await startNode(world, configuredOf(service), fileKey)
  assert.deepEqual(calls(), [])
  await rotate(world, [configuredOf(service), fileKey])
  calls()
  await Promise.all([node.refresh(), node.refresh()])
  await node.refresh()
  assert.deepEqual(calls(), ['unwrap'])
})

for (const [name, from, to] of [
  ['from a file to a key service', 'file', 'service'],
  ['from a key service to a file', 'service', 'file'],
  ['from one key service to another', 'other', 'service'],
] as const)
  test(`key service: the master key is replaced ${name} while two nodes run, whatever interrupts it`, async () => {
    let places = 1
    let interruptions = 0
    for (let at = -1; at < places; at++) {
      const world = createWorld()
      const services = { service: createKeyService('a'), other: createKeyService('b') }
      const keyOf = (which: 'file' | 'service' | 'other') =>
        which === 'file' ? fileKey : configuredOf(services[which].service)
      const filled = await fill(world, keyOf(from))
      const [before, after] = [await startNode(world, keyOf(from)), keyOf(to)]
      let count = 0
      const interrupt = () => {
        if (count++ === at) throw new MasterKeyRefused('interrupted')
      }
      const { settings } = world.stores
      const stores = {
        ...world.stores,
        settings: {
          ...settings,
          async initialise(...given: Parameters<typeof settings.initialise>) {
            interrupt()
            return settings.initialise(...given)
          },
          async replace(...given: Parameters<typeof settings.replace>) {
            const done = await settings.replace(...given)
            interrupt()
            return done
          },
        },
      }
      const run = () => rotate({ ...world, stores }, [after, keyOf(from)])
      for (const { fail } of Object.values(services)) fail(interrupt)
      const interrupted = await run().then(
        () => false,
        () => true,
      )
      if (at === -1) places = count
      if (interrupted) interruptions++
      for (const { recover } of Object.values(services)) recover()

      // A node with both keys starts at any time.
      await startNode(world, after, keyOf(from))
      assert.equal((await run()).finished, false)
      assert.equal((await mastersIn(world)).length, 2)
      // One node of each key; both know the new root key before it is used.
      await before.refresh()
      const next = await startNode(world, after)
      assert.equal(before.fault(), undefined)
      assert.deepEqual(before.derived.derive('x'), next.derived.derive('x'))
      await assertComplete(world, filled, after)
      assert.equal((await rotate(world, [after], { finish: true })).finished, true)
      await assertComplete(world, filled, after)
      await assert.rejects(startNode(world, keyOf(from)), { reason: 'master_key_mismatch' })
    }
    // Where the other master key opens the root keys too, a failed call ends nothing.
    assert.ok(interruptions >= 6, `${interruptions} of ${places}`)
  })

test('key service: with both master keys configured, one service that is down does not stop a start', async () => {
  const world = createWorld()
  const [one, other] = [createKeyService('a'), createKeyService('b')]
  const filled = await fill(world, configuredOf(one.service))
  await rotate(world, [configuredOf(other.service), configuredOf(one.service)])
  other.fail(() => Promise.reject(new Error('down')))
  const node = await startNode(world, configuredOf(other.service), configuredOf(one.service))
  assert.deepEqual(node.derived.permanent('pairwise-subject'), filled.pairwise)
})

test('key service: a new version of its key changes nothing, and rotate-master wraps with it', async () => {
  const world = createWorld()
  const { service, rotate: addVersion, disableBefore } = createKeyService()
  const filled = await fill(world, configuredOf(service))
  addVersion()
  await assertComplete(world, filled, configuredOf(service))
  const end = await rotate(world, [configuredOf(service)])
  assert.deepEqual(end, { rewrapped: true, finished: true, retires_at: undefined })
  disableBefore(2)
  await assertComplete(world, filled, configuredOf(service))
  assert.equal((await startNode(world, configuredOf(service))).derived.version(), 1)
})

const wrongKey = new Uint8Array(32).fill(7)
const hanging = () => new Promise(() => {})
const refusals: readonly (readonly [
  name: string,
  fails: (operation: 'wrap' | 'unwrap') => unknown,
  reason: string,
  attempts: number,
])[] = [
  [
    'does not respond',
    () => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })),
    'master_key_unavailable',
    3,
  ],
  ['takes too long', hanging, 'master_key_unavailable', 3],
  ['denies permission', () => Promise.reject(new MasterKeyRefused('no permission')), 'master_key_refused', 1],
  ['returns a text', () => 'vault:v1:abc', 'master_key_result_invalid', 1],
  ['returns nothing', () => null, 'master_key_result_invalid', 1],
  ['returns an empty value', () => new Uint8Array(), 'master_key_result_invalid', 1],
  ['returns too many bytes', () => new Uint8Array(8193), 'master_key_result_invalid', 1],
]

/** Starts, and returns the error and the log. */
async function refusedStart(world: World, service: MasterKeyService) {
  const lines: Record<string, unknown>[] = []
  const warn = (event: string, fields?: object) => void lines.push({ event, ...fields })
  const start = unlockWith(world.stores, world.clock, configuredOf(service), undefined, {
    ...silentLog,
    warn,
  })
  const error = await start.then(
    () => assert.fail('it started'),
    (thrown: MasterKeyError) => thrown,
  )
  return { error, lines }
}

describe('key service: a start ends with an error if the service', () => {
  for (const [name, fails, reason, attempts] of refusals)
    test(name, async () => {
      for (const begun of [false, true]) {
        const world = createWorld()
        const { service, fail } = createKeyService()
        if (begun) await fill(world, configuredOf(service))
        fail(fails)
        const { error, lines } = await refusedStart(world, service)
        assert.equal(error.reason, reason)
        const hook = begun ? 'masterKey.unwrap' : 'masterKey.wrap'
        assert.match(
          error.message,
          new RegExp(`^${hook} of the master key arn:test:key/1: .*\\(${reason}\\)\n`),
        )
        assert.match(error.message, /expected: .*\n +fix: /)
        assert.deepEqual(
          lines.map(({ event, hook, master_key, attempt, reason }) => [
            event,
            hook,
            master_key,
            attempt,
            reason,
          ]),
          Array.from({ length: attempts }, (_, index) => [
            ...['master_key_call_failed', hook, 'arn:test:key/1', index + 1],
            reason,
          ]),
        )
        // A failed first start leaves nothing that a later one could not open.
        if (!begun) assert.equal(await world.stores.settings.get(rootKeysSetting), undefined)
      }
    })

  test('returns another key', async () => {
    const world = createWorld()
    const { service, fail } = createKeyService()
    // A key that can't be unwrapped again is not stored.
    fail(operation => (operation === 'unwrap' ? wrongKey : undefined))
    assert.equal((await refusedStart(world, service)).error.reason, 'master_key_wrong')
    assert.equal(await world.stores.settings.get(rootKeysSetting), undefined)
    fail(() => undefined)
    await fill(world, configuredOf(service))
    fail(() => wrongKey)
    const { error } = await refusedStart(world, service)
    assert.equal(error.reason, 'master_key_wrong')
    assert.match(error.message, /arn:test:key\/1.*master_key_wrong/)
  })

  test('wraps nothing, so that the store would contain the key', async () => {
    const stubs = [
      (key: Uint8Array) => new Uint8Array(key),
      (key: Uint8Array) => Buffer.from(`v1:${Buffer.from(key).toString('base64')}`),
    ]
    for (const wrap of stubs) {
      const world = createWorld()
      let given = new Uint8Array()
      const stub: MasterKeyService = {
        id: 'arn:test:key/1',
        wrap({ key }) {
          given = new Uint8Array(key)
          return wrap(key)
        },
        unwrap: () => given,
      }
      const { error, lines } = await refusedStart(world, stub)
      assert.equal(error.reason, 'master_key_result_invalid')
      assert.match(error.message, /^masterKey\.wrap of the master key arn:test:key\/1: .* returned the key/)
      assert.deepEqual(
        lines.map(({ event, reason }) => [event, reason]),
        [['master_key_call_failed', 'master_key_result_invalid']],
      )
      assert.equal(await world.stores.settings.get(rootKeysSetting), undefined)
    }
  })

  test('has another id than the store, which is named', async () => {
    const world = createWorld()
    const { service } = createKeyService()
    await fill(world, configuredOf(service))
    const { error } = await refusedStart(world, { ...service, id: 'arn:test:key/2' })
    assert.equal(error.reason, 'master_key_mismatch')
    assert.match(error.message, /The store accepts: service arn:test:key\/1/)
  })
})

test('key service: a temporary failure is repeated, and the key of a failed call is in no log', async () => {
  const world = createWorld()
  const { service } = createKeyService()
  let failures = 2
  let text = ''
  const leaking: MasterKeyService = {
    ...service,
    wrap(request, context) {
      if (failures-- <= 0) return service.wrap(request, context)
      const key = Buffer.from(request.key)
      text = key.toString('base64')
      throw new Error(`failed: {"Plaintext":"${text}"} ${key.toString('hex')}`)
    },
  }
  const lines: string[] = []
  const warn = (_: string, fields?: object) => void lines.push(JSON.stringify(fields))
  await unlockWith(world.stores, world.clock, configuredOf(leaking), undefined, { ...silentLog, warn })
  assert.equal(lines.length, 2)
  for (const line of lines) {
    assert.match(line, /failed: \{\\"Plaintext\\":\\"…\\"\} …/)
    assert.ok(!line.includes(text) && !line.includes(Buffer.from(text, 'base64').toString('hex')))
  }
})

test('key service: while it is down, a node continues, and is not ready only once others use a root key that it lacks', async () => {
  const world = createWorld()
  const { service, fail, recover, calls } = createKeyService()
  await fill(world, fileKey)
  await rotate(world, [configuredOf(service), fileKey], { finish: true })
  const node = await startNode(world, configuredOf(service))
  fail(() => Promise.reject(new MasterKeyRefused('the key is disabled')))
  calls()
  await node.refresh()
  assert.equal(node.fault(), undefined)
  // Nothing has changed, so it was not called.
  assert.deepEqual(calls(), [])

  const other = createKeyService('other')
  recover()
  await rotate(world, [configuredOf(other.service), configuredOf(service)], {
    async during() {
      fail(() => Promise.reject(new MasterKeyRefused('the key is disabled')))
      await assert.rejects(node.refresh(), { reason: 'master_key_refused' })
      assert.equal(node.fault(), undefined)
      recover()
    },
  })
  assert.deepEqual(node.fault(), { error: 'master_key_unavailable' })
  await node.refresh()
  assert.equal(node.fault(), undefined)
  assert.equal(node.derived.version(), 3)
})

test('key service: a running server calls it for no request, and stays ready while it is down', async () => {
  const { service, fail, calls } = createKeyService()
  const tenantStores = createMemoryTenantStores()
  const options = { tenantStores, jobs: false, generateSigningKey: provideSigningKeys() }
  const tenants = [{ name: 'acme', issuer: 'path', clients: [] }]
  const parsed = parseConfiguration({ issuer: 'https://id.example', storage: 'memory:', tenants })
  assert.ok(parsed.ok)
  const { configuration } = parsed
  const server = await createTessera(configuration, { ...options, masterKey: service })
  try {
    assert.deepEqual(calls(), ['wrap', 'unwrap'])
    fail(() => Promise.reject(new Error('down')))
    const get = async (path: string) => (await server.fetch(new Request(`https://id.example${path}`))).status
    for (const path of [
      '/t/acme/.well-known/openid-configuration',
      '/.well-known/openid-configuration/jwks',
      '/readyz',
    ])
      assert.equal(await get(path), 200, path)
    assert.deepEqual(calls(), [])
    // The stores are those of the test, so a refused start leaves them open.
    fail(() => Promise.reject(new MasterKeyRefused('no permission')))
    await assert.rejects(createTessera(configuration, { ...options, masterKey: service }), {
      reason: 'master_key_refused',
    })
    await assert.rejects(createTessera(configuration, options), { reason: 'master_key_mismatch' })
    await assert.rejects(
      createTessera(configuration, { ...options, masterKey: { id: 'x' } as never }),
      /wrap is missing/,
    )
  } finally {
    await server.close()
  }
})

const environment = { TESSERA_MASTER_KEY: Buffer.from(fileKey).toString('base64') }
const service = { id: 'a', wrap: () => new Uint8Array(1), unwrap: () => new Uint8Array(32) }
const wrong: readonly (readonly [
  name: string,
  input: object,
  path: string,
  problem: RegExp,
  variables?: object,
])[] = [
  ['an id with a space', { masterKey: { ...service, id: 'a b' } }, 'masterKey', /its id is not/],
  ['no id', { masterKey: { ...service, id: undefined } }, 'masterKey', /its id is not/],
  ['no unwrap', { masterKey: { ...service, unwrap: 'x' } }, 'masterKey', /unwrap is missing/],
  ['a function', { masterKey: () => service }, 'masterKey', /not an object/],
  ['a second current key', { masterKey: service }, 'masterKey', /TESSERA_MASTER_KEY contains/, environment],
  [
    'a second previous key',
    { masterKey: service, masterKeyPrevious: { ...service, id: 'b' } },
    'masterKeyPrevious',
    /TESSERA_MASTER_KEY_PREVIOUS contains/,
    { TESSERA_MASTER_KEY_PREVIOUS: environment.TESSERA_MASTER_KEY },
  ],
  [
    'twice the same key',
    { masterKey: service, masterKeyPrevious: service },
    'masterKeyPrevious',
    /the id of/,
  ],
]
for (const [name, input, path, problem, variables = {}] of wrong)
  test(`key service: a configuration with ${name} is refused`, () => {
    const parsed = parseConfiguration(input, { isModule: true, environment: { ...variables } })
    assert.ok(!parsed.ok)
    assert.deepEqual(
      parsed.errors.map(error => [error.path, problem.test(error.problem)]),
      [[path, true]],
    )
  })

test('key service: with PostgreSQL, it counts as a master key, and a reload can’t replace it', () => {
  const parsed = (masterKey: object) => {
    const input = { issuer: 'https://id.example', storage: 'postgres://db.example/x', masterKey }
    const outcome = parseConfiguration(input, { isModule: true })
    assert.ok(outcome.ok && outcome.warnings.length === 0, JSON.stringify(outcome))
    return outcome.configuration
  }
  assert.deepEqual(restartErrors(parsed(service), parsed({ ...service })), [])
  const [changed] = restartErrors(parsed(service), parsed({ ...service, id: 'b' }))
  assert.equal(changed?.path, 'masterKey')
})
