/** Commands in code blocks: the programs, options, files, scripts, endpoints and parameters that they name exist. */

import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments } from '../../../packages/create-tessera/src/arguments.ts'
import { programOf } from '../../../packages/server/src/cli/program.ts'
import { pageRoutes, protocolRoutes } from '../../../packages/server/src/model/routes.ts'
import { readText, textsOf } from '../../support/repository.ts'
import { configurationErrors } from './configuration.ts'
import { type Command, commandsIn } from './shell.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Programs of others, whose arguments only their manuals know. */
const foreign = new Set(
  `a0deploy cat cp docker grep helm journalctl kc.sh kube-apiserver kubectl mkdir mv occ openssl pg_restore printf psql python vault
  vi`.split(/\s+/),
)

const { scripts } = JSON.parse(readText('package.json'))
const packages = new Set([...textsOf('packages/*/package.json').values()].map(text => JSON.parse(text).name))

type Context = { folder: string }
type Check = (command: Command, words: readonly string[], context: Context) => Promise<readonly string[]>

const checks: Readonly<Record<string, Check>> = {
  tessera: async (command, words) => {
    const errors = await usageErrors(words)
    if (command.input === undefined || words[1] !== 'add') return errors
    const generated = words.includes('--generate-secret') && { client_secrets: [{ value: 'k'.repeat(44) }] }
    return [...errors, ...configurationErrors({ ...JSON.parse(command.input), ...generated })]
  },
  npm: async (command, words, context) => {
    const [name = '', ...given] = words
    const at = given.indexOf('--')
    const own = at === -1 ? given : given.slice(0, at)
    const rest = at === -1 ? [] : given.slice(at + 1)
    const errors = own.flatMap((word, index) =>
      word === '-w' && !packages.has(own[index + 1])
        ? [`${own[index + 1]} is no package of this repository`]
        : [],
    )
    if (['ci', 'pack', 'install', 'pkg', 'sbom'].includes(name)) return errors
    if (name === 'exec') return [...errors, ...(await checkCommand({ ...command, words: rest }, context))]
    const script = name === 'run' ? own.find(word => !word.startsWith('-')) : name
    const isKnown = script !== undefined && Object.hasOwn(scripts, script)
    if (name !== 'run' && name !== 'start' && name !== 'test')
      return [`npm ${name} is not known to this test`]
    if (script === 'tessera') return [...errors, ...(await usageErrors(rest))]
    return isKnown ? errors : [...errors, `${script} is no script of package.json`]
  },
  npx: async (command, [name, ...words], context) =>
    name === '@tessera/server'
      ? usageErrors(words)
      : checkCommand({ ...command, words: [name!, ...words] }, context),
  node: async (_command, words, { folder }) => {
    if (words[0] === '-e') {
      new Function(words[1]!)
      return []
    }
    const file = words.find(word => !word.startsWith('-')) ?? ''
    return existsSync(posix.join(root, folder, file)) ? [] : [`${folder}/${file} does not exist`]
  },
  'create-tessera': async (_command, words) => {
    const read = readArguments(words)
    return 'error' in read ? [String(read.error)] : []
  },
  curl: async (_command, words) => curlErrors(words),
  cd: async (_command, [folder = ''], context) => {
    context.folder = folder.startsWith('/') ? '/' : posix.join(context.folder, folder)
    return folder.startsWith('/') || existsSync(posix.join(root, context.folder))
      ? []
      : [`${folder} does not exist`]
  },
  sh: async (_command, [name = '', script = ''], { folder }) =>
    name === '-c'
      ? scriptErrors(script)
      : existsSync(posix.join(root, folder, name))
        ? []
        : [`${name} does not exist`],
  sudo: async (command, words, context) => {
    const inner = words.slice(words.findIndex(word => !word.startsWith('-')))
    return /^(?:install|systemctl|systemd-run)$/.test(inner[0]!)
      ? nestedErrors(inner)
      : checkCommand({ ...command, words: inner }, context)
  },
  export: async (_command, words) =>
    words.flatMap(word => (/^[A-Z_]+=/.test(word) ? [] : [`${word} is no assignment`])),
}

/** Resolves to the errors of a script. */
export async function scriptErrors(script: string): Promise<readonly string[]> {
  const context: Context = { folder: '' }
  const errors: string[] = []
  for (const command of commandsIn(script)) errors.push(...(await checkCommand(command, context)))
  return errors
}

async function checkCommand(command: Command, context: Context): Promise<readonly string[]> {
  const [program, ...words] = command.words
  const missing = [...command.words, ...Object.values(command.variables)].flatMap(word => {
    const [file] = /^(?:deploy|examples|docs)\/[\w./-]+/.exec(word) ?? []
    return file && !existsSync(posix.join(root, file)) ? [`${file} does not exist`] : []
  })
  if (program === undefined || foreign.has(program)) return missing
  const check = checks[program]
  if (!check)
    return [`"${program}" is no program that this test knows: add it to test/docs/checks/commands.ts`]
  return [...missing, ...(await check(command, words, context))]
}

/** `systemd-run … sh -c SCRIPT`. */
async function nestedErrors(words: readonly string[]): Promise<readonly string[]> {
  const at = words.indexOf('-c')
  return at === -1 ? [] : scriptErrors(words[at + 1] ?? '')
}

/** Resolves to what the command line says about words that it does not accept. */
async function usageErrors(words: readonly string[]): Promise<readonly string[]> {
  const program = programOf(() => async () => undefined)
  const configured = [program]
  for (const command of configured) {
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    configured.push(...command.commands)
  }
  try {
    await program.parseAsync([...words], { from: 'user' })
    return []
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (!code?.startsWith('commander.')) throw error
    return [`tessera ${words.join(' ')}: ${message}`]
  }
}

/** Options with a value, and without one. */
const curlOptions = { valued: /^-(?:[si]*[udH]|X)$|^--(?:user|data|header)$/, single: /^-[si]+$|^--fail$/ }
const parameters = /^(?:grant_type|scope|token|token_type_hint|client_id|client_secret|code|refresh_token)=/

function curlErrors(words: readonly string[]): readonly string[] {
  const errors: string[] = []
  const urls: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (curlOptions.single.test(word)) continue
    if (!curlOptions.valued.test(word)) {
      if (word.startsWith('-')) errors.push(`curl ${word} is not known to this test`)
      else urls.push(word)
      continue
    }
    const value = words[++index]
    if (value === undefined) errors.push(`curl ${word} needs a value`)
    else if (word.endsWith('d') && !parameters.test(value)) errors.push(`${value} is no parameter`)
  }
  const routes = Object.values({ ...protocolRoutes, ...pageRoutes })
  const paths = new Set<string>([...routes.map(({ path }) => path), '/readyz', '/healthz', '/metrics'])
  const unknown = urls.filter(url => !paths.has(new URL(url).pathname))
  return [
    ...errors,
    ...unknown.map(url => `${url} is no endpoint`),
    ...(urls.length === 0 ? ['curl has no URL'] : []),
  ]
}
