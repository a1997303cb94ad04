/**
 * The example for Vault Transit and OpenBao, with whole servers and commands. With TESSERA_TEST_VAULT_ADDR and
 * TESSERA_TEST_VAULT_TOKEN (a root token), it runs against that server instead of an imitation.
 */

import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { checkedMasterKeyService } from '../../packages/server/src/model/master-key.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import { captureCommand } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { readText } from '../support/repository.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { startTransit } from '../support/transit.ts'
import { openTransit } from '../support/transit-of-vault.ts'

const { TESSERA_TEST_VAULT_ADDR: real, TESSERA_TEST_VAULT_TOKEN: root = '' } = process.env
const folder = testFolder()
const config = folder.at('tessera.mjs')
const example = (name: string) => new URL(`../../examples/kms/${name}.mjs`, import.meta.url).href
const opened = async () =>
  real === undefined
    ? startTransit({ 'of-tessera': ['encrypt', 'decrypt'] }).then(server => ({
        ...server,
        token: 'of-tessera',
      }))
    : openTransit(real, root)
let transit: Awaited<ReturnType<typeof opened>>

before(async () => {
  transit = await opened()
  await writeFile(folder.at('token'), `${transit.token}\n`)
  process.env.VAULT_ADDR = transit.address
  process.env.VAULT_TOKEN_FILE = folder.at('token')
  const storage = `sqlite:${folder.at('tessera.db')}`
  await writeFile(
    config,
    `import example from '${example('tessera')}'
    export default { ...example, issuer: 'https://id.example', storage: '${storage}' }`,
  )
})
after(() => transit.close())

const load = async () => {
  const loaded = await loadConfiguration({ file: config, environment: {}, overrides: {} })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.configuration
}
const generateSigningKey = provideSigningKeys()
/** Starts a server, and returns its public keys. */
async function jwksOfStart(): Promise<string> {
  const server = await createTessera(await load(), { log: silentLog, jobs: false, generateSigningKey })
  const { body } = server.keys.jwks()
  await server.close()
  return body
}

test('vault example: servers start, also after a new version, and the earlier one can be disabled once rotate-master has run', async () => {
  const first = await jwksOfStart()
  assert.equal(await jwksOfStart(), first)
  await transit.rotate()
  assert.equal(await jwksOfStart(), first)
  const { code, output } = await captureCommand(`tessera keys rotate-master --config ${config}`)
  assert.equal(code, 0, output)
  assert.match(output, /wrapped with the current version of the key/)
  await transit.disableBefore(2)
  assert.equal(await jwksOfStart(), first)

  const listed = await captureCommand(`tessera keys list --config ${config}`)
  assert.match(listed.output, /^kid=/m)
  assert.match(
    listed.output,
    /^master_key=service id=vault:transit\/keys\/tessera configured=true accepted=true$/m,
  )
  const checked = await captureCommand(`tessera config check ${config}`)
  assert.match(checked.output, /^ {2}master key: key service vault:transit\/keys\/tessera$/m)
})

test('vault example: a missing permission ends the start with its reason, and doctor names it', async () => {
  await writeFile(folder.at('token'), 'of-nobody')
  try {
    await assert.rejects(jwksOfStart(), {
      reason: 'master_key_refused',
      message: /^masterKey\.unwrap .* Vault responded 403: .*permission denied/,
    })
    const url = 'http://127.0.0.1:1'
    const { output } = await captureCommand(`tessera doctor --url ${url} --config ${config}`)
    assert.match(output, /^failed +master-key +masterKey\.wrap .*master_key_refused/m)
  } finally {
    await writeFile(folder.at('token'), transit.token)
  }
  const { output } = await captureCommand(`tessera doctor --url http://127.0.0.1:1 --config ${config}`)
  assert.match(output, /^ok +master-key +key service vault:transit\/keys\/tessera, which wraps and unwraps$/m)
})

test('vault example: what was wrapped with another key or context is refused, and leads to no key', async () => {
  const { vaultTransit } = await import(example('vault-transit'))
  const service = vaultTransit({ address: transit.address, key: 'tessera', tokenFile: folder.at('token') })
  const options = { signal: new AbortController().signal }
  const key = new Uint8Array(32).fill(5)
  const context = { tessera: 'root-keys' }
  const wrapped = await service.wrap({ key, context }, options)
  assert.match(Buffer.from(wrapped).toString(), /^vault:v\d+:/)
  assert.deepEqual(new Uint8Array(await service.unwrap({ wrapped, context }, options)), key)
  const refused = { name: 'MasterKeyRefused', message: /^Vault responded 400: / }
  await assert.rejects(async () => service.unwrap({ wrapped, context: { tessera: 'x' } }, options), refused)
  const other = Buffer.from(`vault:v1:${Buffer.alloc(60).toString('base64')}`)
  await assert.rejects(async () => service.unwrap({ wrapped: other, context }, options), refused)
  const missing = vaultTransit({ address: transit.address, key: 'x', tokenFile: folder.at('token') })
  await assert.rejects(async () => missing.wrap({ key, context }, options), { name: 'MasterKeyRefused' })
})

test('vault example: a sealed or silent server is not available, and is called again later', async t => {
  const { seal, silence } = transit
  if (!seal || !silence) return t.skip('a real server is not sealed')
  const { vaultTransit } = await import(example('vault-transit'))
  const given = vaultTransit({ address: transit.address, key: 'tessera', tokenFile: folder.at('token') })
  const { wrap } = checkedMasterKeyService('masterKey', given, 0.05)
  const request = { key: new Uint8Array(32), context: {} }
  seal(true)
  await assert.rejects(wrap(request), (error: Error) => {
    assert.match(String(error.cause), /^Error: Vault responded 503: Vault is sealed$/)
    return true
  })
  seal(false)
  silence()
  await assert.rejects(wrap(request), { reason: 'hook_timed_out' })
})

test('key services guide: the example of AWS KMS runs, with a stand-in for its package', async () => {
  const [, block] = /<!-- aws -->\n```js\n([\s\S]*?)```/.exec(readText('docs/guides/key-services.md')) ?? []
  assert.ok(block)
  await mkdir(folder.at('node_modules/@aws-sdk/client-kms'), { recursive: true })
  await mkdir(folder.at('node_modules/@tessera'))
  await symlink(
    new URL('../../packages/server', import.meta.url).pathname,
    folder.at('node_modules/@tessera/server'),
  )
  // Shapes of the API reference: Encrypt and Decrypt take a KeyId and an EncryptionContext, and return bytes.
  await writeFile(
    folder.at('node_modules/@aws-sdk/client-kms/index.mjs'),
    `class Command { constructor(input) { this.input = input } }
    export class EncryptCommand extends Command {}
    export class DecryptCommand extends Command {}
    const flip = bytes => Uint8Array.from(bytes, byte => byte ^ 0x5a)
    const failure = (name, message) => Object.assign(new Error(message), { name })
    export class KMSClient {
      async send(command, { abortSignal }) {
        abortSignal.throwIfAborted()
        const { KeyId, EncryptionContext, Plaintext, CiphertextBlob } = command.input
        if (EncryptionContext.tessera !== 'root-keys') throw failure('AccessDeniedException', 'no such context')
        if (command instanceof EncryptCommand) return { KeyId, CiphertextBlob: flip([1, ...Plaintext]) }
        if (CiphertextBlob[0] !== (1 ^ 0x5a)) throw failure('InvalidCiphertextException', '')
        return { KeyId, Plaintext: flip(CiphertextBlob).slice(1) }
      }
    }`,
  )
  await writeFile(
    folder.at('node_modules/@aws-sdk/client-kms/package.json'),
    JSON.stringify({ name: '@aws-sdk/client-kms', exports: './index.mjs' }),
  )
  await writeFile(folder.at('aws.mjs'), block)
  const { default: module } = await import(pathToFileURL(folder.at('aws.mjs')).href)
  const { wrap, unwrap } = checkedMasterKeyService('masterKey', module.masterKey, 5)
  const key = new Uint8Array(32).fill(9)
  const context = { tessera: 'root-keys' }
  const wrapped = await wrap({ key, context })
  assert.notDeepEqual(wrapped.slice(1), key)
  assert.deepEqual(await unwrap({ wrapped, context }), key)
  for (const call of [wrap({ key, context: {} }), unwrap({ wrapped: key, context })])
    await assert.rejects(call, (error: Error) => (error.cause as Error).name === 'MasterKeyRefused')
})
