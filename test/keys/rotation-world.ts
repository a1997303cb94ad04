/** A store with everything that is sealed without an expiry, and processes that open it with some master key, for tests of rotations. */

import assert from 'node:assert/strict'
import { secretPaths } from '../../packages/server/src/configuration/entries/entry.ts'
import { type createDerivedKeys, unlock } from '../../packages/server/src/keys/master-key.ts'
import { type RotationPorts, rotateMasterKey } from '../../packages/server/src/keys/master-key-rotation.ts'
import { watchRootKeys } from '../../packages/server/src/keys/root-key-watch.ts'
import { createSealing, sealedVersion } from '../../packages/server/src/keys/sealing.ts'
import { totpSecretName } from '../../packages/server/src/model/factor.ts'
import type { ConfiguredMasterKey } from '../../packages/server/src/model/master-key.ts'
import { type Log, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRefreshTokens } from '../../packages/server/src/tokens/refresh-token.ts'
import type { Opened } from '../contracts/stores/storage.ts'
import { type createClock, day, localKey, openRing } from './keys.ts'

/** Bytes: a key in a variable. */
type Key = Uint8Array | ConfiguredMasterKey
const configuredOf = (key: Key): ConfiguredMasterKey => (key instanceof Uint8Array ? localKey(key) : key)

export const grace = 31 * day
const storage = { kind: 'postgres' }
export type TestStores = Opened['stores']

/** A process that starts, and does not wait before it calls a key service again. */
export const unlockWith = (
  stores: TestStores,
  clock: { now: () => number },
  configured: Key,
  previous?: Key,
  log: Log = silentLog,
) =>
  unlock({
    configured: configuredOf(configured),
    previous: previous && configuredOf(previous),
    storage,
    settings: stores.settings,
    clock,
    log,
    pause: () => Promise.resolve(),
  })

export type World = { readonly stores: TestStores; readonly clock: ReturnType<typeof createClock> }

/** Rotates as a new process does. @param during runs while the command waits for the other nodes. */
export async function rotate(
  { stores, clock }: World,
  [current, previous]: readonly [Key, Key?],
  {
    finish = false,
    during = () => Promise.resolve(),
    report = (_step: string): void => {},
    log = silentLog as RotationPorts['log'],
  } = {},
) {
  const unlocked = await unlockWith(stores, clock, current, previous)
  const ports: RotationPorts = {
    ...unlocked,
    settings: stores.settings,
    clock,
    grace,
    report,
    async sleep(seconds) {
      await during()
      clock.advance(seconds)
    },
    log,
    secretPaths,
    eachStore: work => work(stores, unlocked.rootKeys.derived, undefined),
  }
  return rotateMasterKey(ports, { finish })
}

/** A process that runs meanwhile, and learns of root keys when told to. */
export async function startNode({ stores, clock }: World, configured: Key, previous?: Key) {
  const unlocked = await unlockWith(stores, clock, configured, previous)
  const errors: string[] = []
  const log = { ...silentLog, error: (event: string) => void errors.push(event) }
  const watch = watchRootKeys({ ...unlocked, settings: stores.settings, clock, log })
  watch.stop()
  const { derived } = unlocked.rootKeys
  return { ...watch, derived, errors, refreshTokens: createRefreshTokens({ derived }) }
}

export const handle = {
  family: Buffer.alloc(16, 9).toString('base64url') as never,
  generation: 1,
  expires_at: 0xffff_ffff,
}
export const totp = (derived: ReturnType<typeof createDerivedKeys>) =>
  createSealing({ derived, purpose: 'totp' })

/** Stores what is sealed without an expiry: a signing key, the secret of an app, and the secret of a provider. */
export async function fill({ stores, clock }: World, master: Key) {
  const { derived } = (await unlockWith(stores, clock, master)).rootKeys
  const ring = await openRing({ keys: stores.keys, clock, derived })
  ring.stop()
  await stores.totpSecrets.add({
    ...{ sub: 'alice', last_step: 0, created_at: clock.now() },
    sealed: totp(derived).seal('JBSWY3DP', totpSecretName('alice')),
  })
  const place = JSON.stringify(['identity_providers', 'corp', 'client_secret'])
  const secret = createSealing({ derived, purpose: 'entries' }).seal('of corp', place)
  const sealed = Buffer.from(secret).toString('base64url')
  await stores.entries.put(
    {
      ...{ kind: 'identity_providers', id: 'corp', version: 1, enabled: 1 },
      ...{ created_at: clock.now(), updated_at: clock.now() },
      entry: { name: 'corp', client_secret: { sealed }, scopes: ['openid'] },
    } as never,
    await stores.entries.revision(),
  )
  const token = createRefreshTokens({ derived }).format(handle)
  const pairwise = derived.derive('pairwise-subject')
  return { kid: ring.signing('ES256').kid, token, pairwise }
}

/** Checks that a process with this master key finds all of it. */
export async function assertComplete(
  { stores, clock }: World,
  { kid, token, pairwise }: Awaited<ReturnType<typeof fill>>,
  configured: Key,
) {
  const node = await startNode({ stores, clock }, configured)
  const { keys } = stores
  const [stored] = await keys.all()
  const signing = createSealing({ derived: node.derived, purpose: 'signing-keys' })
  assert.match(signing.open(stored!.sealed, `ES256 ${kid}`), /"kty":"EC"/)
  const secret = await stores.totpSecrets.find('alice')
  assert.equal(totp(node.derived).open(secret!.sealed, totpSecretName('alice')), 'JBSWY3DP')
  const entry = await stores.entries.find('identity_providers', 'corp')
  const { sealed } = entry!.entry.client_secret as { sealed: string }
  const bytes = Buffer.from(sealed, 'base64url')
  const place = JSON.stringify(['identity_providers', 'corp', 'client_secret'])
  assert.equal(createSealing({ derived: node.derived, purpose: 'entries' }).open(bytes, place), 'of corp')
  assert.deepEqual(node.refreshTokens.parse(token), handle)
  const versions = [stored!.sealed, secret!.sealed, bytes].map(sealedVersion)
  assert.deepEqual(new Set(versions), new Set([node.derived.version()]))
  // Pairwise subjects and user handles of passkeys stay the same.
  assert.deepEqual(node.derived.permanent('pairwise-subject'), pairwise)
}
