/** Values of secrets appear in no output: they are planted in every member, and searched for in all that is written. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { finish, logEventsIn, readyUrl, start } from '../cli/tessera.ts'
import { testFolder } from '../support/folder.ts'
import { masterKey } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { type SecretMember, secretMembers, sentinel } from './secret-members.ts'

const folder = testFolder()

const sha256 = createHash('sha256').update(sentinel).digest()

/** The value, and the forms of it that the configuration or the store contain. */
const forms: readonly string[] = [
  'SENTINEL',
  Buffer.from(sentinel).toString('base64').slice(0, 20),
  // In the argon2id hash, and in the webhook's key.
  'U0VOVElORUwt',
  sha256.toString('base64'),
  sha256.toString('base64url'),
  sha256.toString('hex'),
]

function assertClean(output: string, what: string): void {
  for (const form of forms) assert.ok(!output.includes(form), `${what}: ${form} in ${output}`)
}

/** Values that are refused, or that look wrong, with the sentinel in them. */
const spoiled = (text: string): readonly unknown[] => [
  `${text}\0`,
  `${text}\uD800`,
  text.repeat(500),
  `\${${text}}`,
  `env:${sentinel.replaceAll('-', '_')}`,
  [text],
  { value: text },
  { env: text },
  { env: text, file: text },
  { file: text },
  { file: `${text}/${text}` },
  { [text]: text },
]

for (const [place, { text, within }] of Object.entries(secretMembers))
  test(`secrets: no error or warning contains a value that is wrong [${place}]`, async () => {
    let refused = 0
    for (const [index, value] of spoiled(text).entries()) {
      const own = { env: 'IT' }
      const file = await folder.write(
        `spoiled-${index}`,
        typeof value === 'string' ? value : text.repeat(500),
      )
      for (const [given, environment] of [
        [value, {}],
        [own, { IT: typeof value === 'string' ? value : text.repeat(500) }],
        [{ file }, {}],
      ] as const) {
        const outcome = parseConfiguration(within(given), {
          environment: { TESSERA_MASTER_KEY: masterKey, ...environment },
        })
        if (!outcome.ok) refused++
        assertClean(JSON.stringify(outcome.ok ? outcome.warnings : outcome.errors), JSON.stringify(given))
      }
    }
    assert.ok(refused > 5, `only ${refused} are refused`)
  })

type Value = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Value =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const merge = (one: Value, other: Value): Value => {
  const merged: Record<string, unknown> = { ...one }
  for (const [key, value] of Object.entries(other)) {
    const before = merged[key]
    merged[key] =
      Array.isArray(before) && Array.isArray(value)
        ? [...before, ...value]
        : isObject(before) && isObject(value)
          ? merge(before, value)
          : value
  }
  return merged
}

/** One configuration with all of these members. The names of entries are different. */
const together = (members: readonly SecretMember[], secretOf: (member: SecretMember) => unknown): Value =>
  members
    .map((member, index) =>
      JSON.parse(
        JSON.stringify(member.within(secretOf(member)))
          .replaceAll('"machine"', `"machine-${index}"`)
          .replaceAll('"urn:api"', `"urn:api-${index}"`)
          .replaceAll('"sub":"1"', `"sub":"${index}"`)
          .replaceAll('"alice"', `"alice-${index}"`)
          .replaceAll('"corp"', `"corp-${index}"`),
      ),
    )
    .reduce(merge, {})

const stored = Object.entries(secretMembers)
  .filter(([place]) => !place.startsWith('storage'))
  .map(([, member]) => member)

/** Runs it until it exits. */
async function output(words: readonly string[], variables: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await finish(start(words, variables))
  return `${code}\n${stdout}${stderr}`
}

test('secrets: the output of a server contains none, at startup, in requests and reloads', async () => {
  const server = { storage: 'memory:', issuer: 'http://localhost:5080' }
  const literals = { ...server, ...together(stored, member => member.literal) }
  const file = await folder.write('tessera.json', JSON.stringify(literals))
  const child = start(['serve', '--port', '0', '--config', file], { TESSERA_LOG_LEVEL: 'debug' })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      log += text
    })
  const end = finish(child)
  const url = await readyUrl(child)
  const ask = async (path: string, user: string, body: Record<string, string>): Promise<string> => {
    const headers = { authorization: `Basic ${Buffer.from(`${user}:${sentinel}`).toString('base64')}` }
    const response = await fetch(url + path, { method: 'POST', headers, body: new URLSearchParams(body) })
    return `${response.status} ${await response.text()}`
  }
  const bearer = { authorization: `Bearer ${sentinel}` }
  const responses = [
    await ask('/connect/token', 'machine-0', { grant_type: 'client_credentials' }),
    await ask('/connect/token', 'unknown', { grant_type: 'client_credentials' }),
    await ask('/connect/token', 'machine-2', { grant_type: 'client_credentials' }),
    await ask('/connect/introspect', encodeURIComponent('urn:api-3'), { token: sentinel }),
    await (await fetch(`${url}/metrics`, { headers: bearer })).text(),
    await (await fetch(`${url}/connect/register`, { method: 'POST', headers: bearer, body: '{' })).text(),
  ]
  assert.match(responses[0]!, /^400 .*|^200 /)
  assertClean(responses.join('\n'), 'responses')
  const events = (event: string) => logEventsIn(log).filter(line => line.event === event)
  const reload = async (changed: object, event: string): Promise<void> => {
    const { length } = events(event)
    await folder.write('tessera.json', JSON.stringify(changed))
    child.kill('SIGHUP')
    await until(`${event} is logged`, () => events(event).length > length)
  }
  await reload({ ...literals, drain_delay: 1 }, 'configuration_applied')
  await reload({ ...literals, unknown: sentinel.slice(-4) }, 'configuration_refused')
  for (const member of stored)
    await reload({ ...literals, ...member.within(`${member.text}\0`), unknown: 1 }, 'configuration_refused')
  child.kill('SIGTERM')
  await end
  assert.ok(log.length > 1000)
  assertClean(log, 'log')
})

test('secrets: the output of commands contains none', async () => {
  const file = await folder.write('value', sentinel)
  const wrong = { clients: [{ client_id: 'x', unknown: 1 }] }
  const variables: Record<string, string> = {}
  const references = together(stored, member => {
    const name = `SECRET_${Object.keys(variables).length}`
    variables[name] = member.text
    return { env: name }
  })
  for (const configuration of [
    { storage: 'memory:', ...references },
    merge(references, wrong),
    merge(
      together(stored, member => member.literal),
      wrong,
    ),
    together(stored, () => ({ file })),
    secretMembers.storage!.within(secretMembers.storage!.text),
    secretMembers.storage_replica!.within(secretMembers.storage_replica!.text),
  ]) {
    const config = await folder.write('command.json', JSON.stringify(configuration))
    const text = await output(['config', 'check', config], variables)
    assert.ok(text.length > 20)
    assertClean(text, 'config check')
  }
  // The database can't be reached, which every one of these reports.
  const { within, text } = secretMembers.storage!
  const config = await folder.write('command.json', JSON.stringify(within({ env: 'ADDRESS' })))
  for (const words of [
    ['serve', '--config', config, '--port', '0', '--workers', '1'],
    ['keys', 'list', '--config', config],
    ['users', 'list', '--config', config],
    ['sessions', 'list', '--user', '1', '--config', config],
  ]) {
    const said = await output(words, { ADDRESS: text, TESSERA_MASTER_KEY: masterKey })
    assert.match(said, /^1\n/, words.join(' '))
    assertClean(said, words.join(' '))
  }
})
