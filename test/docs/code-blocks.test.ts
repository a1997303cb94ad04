/** Each code block of the documentation is run, type-checked or parsed, and a block that is not says why. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { textsOf } from '../support/repository.ts'
import { masterKey } from '../support/tessera.ts'
import { allBlocks, type Block, placeOf } from './blocks.ts'
import { scriptErrors } from './checks/commands.ts'
import { jsoncErrors } from './checks/configuration.ts'
import {
  deployedErrors,
  diagramErrors,
  jsonErrors,
  settingErrors,
  settingLanguages,
  yamlErrors,
} from './checks/data.ts'
import { follow } from './checks/follow.ts'
import { stepsOf } from './checks/sessions.ts'
import { typeErrors } from './checks/typescript.ts'
import { worldOf } from './checks/worlds.ts'

const folder = testFolder()
process.env.TESSERA_MASTER_KEY = masterKey
process.env.TESSERA_LOG_LEVEL = 'silent'

/** Returns what is wrong with a block. */
type Check = (block: Block) => readonly string[] | Promise<readonly string[]>

type Kind = {
  readonly name: string
  readonly of: (block: Block) => boolean
  /** Omitted: another test runs the blocks. */
  readonly check?: Check
  /** Matches a test file that runs the block. */
  readonly elsewhere?: (block: Block) => RegExp
}

const sources = [...textsOf('{examples,deploy}/**/*.{js,mjs,ts,mts,yaml}')]
const sourceOf = ({ text }: Block): string | undefined =>
  text.includes('\n') ? sources.find(([, source]) => source.includes(text))?.[0] : undefined

const reasonOf = ({ mark = '' }: Block): string | undefined => /^not run: (.{10,})$/.exec(mark)?.[1]

/** The first one that fits decides. */
const kinds: readonly Kind[] = [
  { name: 'not run, with a reason', of: block => reasonOf(block) !== undefined, check: () => [] },
  {
    name: 'written by the compiler',
    of: ({ page }) => page.startsWith('docs/reference/'),
    elsewhere: () => /docs\/reference\/\*\.md/,
  },
  {
    name: 'part of a tutorial',
    of: ({ page }) => page.startsWith('docs/tutorials/'),
    elsewhere: () => /docs\/tutorials\/\*\.md/,
  },
  {
    name: 'quoted from an example that runs',
    of: block => sourceOf(block) !== undefined,
    elsewhere: block => new RegExp(sourceOf(block)!.split('/').slice(0, 2).join('/')),
  },
  { name: 'a request and its response', of: isOf('http'), elsewhere: () => /docs\/endpoints\/\*\.md/ },
  {
    name: 'run by a test that finds it by its name',
    of: ({ language, mark }) => mark !== undefined && (language === 'sql' || language === 'js'),
    elsewhere: ({ mark = '' }) => new RegExp(`<!-- ${mark} -->|'${mark.replace('query: ', '')}'`),
  },
  { name: 'code', of: isOf('ts', 'js'), check: block => codeErrors(block) },
  { name: 'configuration', of: isOf('jsonc'), check: ({ text }) => jsoncErrors(text) },
  { name: 'commands', of: isOf('sh'), check: ({ text }) => scriptErrors(text) },
  { name: 'a session at a terminal', of: isOf('console'), check: block => sessionErrors(block) },
  { name: 'JSON', of: isOf('json'), check: jsonErrors },
  { name: 'YAML', of: isOf('yaml'), check: yamlErrors },
  {
    name: 'settings of another program',
    of: ({ page, language }) => page === 'docs/guides/applications.md' && settingLanguages.has(language),
    check: settingErrors,
  },
  {
    name: 'Python that a test of the page runs',
    of: isOf('python'),
    elsewhere: ({ page }) => new RegExp(`readText\\('${page}'\\)[\\s\\S]*'python'`),
  },
  { name: 'a part of a file of deploy', of: isOf('ini', 'nginx'), check: deployedErrors },
  { name: 'a diagram', of: isOf('mermaid'), check: diagramErrors },
]

function isOf(...languages: readonly string[]): (block: Block) => boolean {
  return ({ language }) => languages.includes(language)
}

const kindOf = (block: Block): Kind | undefined => kinds.find(({ of }) => of(block))

const blocks = allBlocks()

const faulty = { page: 'faulty.md', line: 1, language: 'ts', text: 'const a: 1 = issuer', mark: undefined }

/** One program for all blocks, when the first one is needed. */
let compiled: Promise<readonly string[]> | undefined
const compile = (): Promise<readonly string[]> => {
  compiled ??= typeErrors([...blocks.filter(one => kindOf(one)?.name === 'code'), faulty])
  return compiled
}

async function codeErrors(block: Block): Promise<readonly string[]> {
  const isOwn = (error: string): boolean =>
    error.startsWith(`${placeOf(block)},`) || !error.includes(' of the block: ')
  return (await compile()).filter(isOwn)
}

/** The sessions of a page share their files, like those of a reader who follows it. */
const worlds = new Map<string, (name: string) => string>()
async function sessionErrors({ page, text }: Block): Promise<readonly string[]> {
  const steps = stepsOf(text)
  const wrong = await Promise.all(steps.map(({ command }) => scriptErrors(command)))
  const at = worlds.get(page) ?? (await worldOf(page, folder.at()))
  worlds.set(page, at)
  return [...wrong.flat(), ...(await follow(steps, at))]
}

/** Resolves to what is wrong with a block: also what the check throws, because the block can't be read. */
async function outcomeOf(check: Check, block: Block): Promise<readonly string[]> {
  try {
    return await check(block)
  } catch (error) {
    return [String(error)]
  }
}

const tests = [...textsOf('test/**/*.ts')].filter(([file]) => !file.startsWith('test/docs/code-blocks'))

test('code blocks: each has a language, and a kind that says how it is checked', () => {
  assert.ok(blocks.length > 300, `only ${blocks.length} were found`)
  assert.deepEqual(
    blocks.filter(block => kindOf(block) === undefined).map(block => `${placeOf(block)} ${block.language}`),
    [],
    'write its language after the fence: sh for commands, console for commands after "$ " with their output',
  )
  assert.deepEqual(
    kinds.filter(kind => !blocks.some(block => kindOf(block) === kind)),
    [],
  )
})

test('code blocks: at most five are not run, each with a reason', () => {
  const ignored = blocks.filter(block => reasonOf(block) !== undefined)
  assert.ok(ignored.length <= 5, ignored.map(placeOf).join(', '))
  assert.deepEqual(blocks.filter(({ mark = '' }) => /^not run/.test(mark)).length, ignored.length)
})

for (const kind of kinds)
  test(`code blocks: ${kind.name}`, async () => {
    const own = blocks.filter(block => kindOf(block) === kind)
    const wrong: string[] = []
    for (const block of own) {
      const { check, elsewhere } = kind
      const errors = check
        ? await outcomeOf(check, block)
        : tests.some(([, text]) => elsewhere!(block).test(text))
          ? []
          : [`no test contains ${elsewhere!(block)}`]
      wrong.push(...errors.map(error => `${placeOf(block)}: ${error}`))
    }
    assert.deepEqual(wrong, [])
  })

/** For each check, blocks with one fault, and what the error says. */
const faults: readonly (readonly [language: string, text: string, error: RegExp])[] = [
  ['jsonc', '{ "clients": [{ "client_id": "a", "redirect_urls": [] }] }', /redirect_urls/],
  ['jsonc', '"acounts": {}', /no part of the configuration/],
  ['jsonc', '{ "client_id": "a", "subject_type": "pair" }', /subject_type/],
  ['jsonc', '{ "issuer": }', /not JSON/],
  ['sh', 'tessera users lst --config a', /too many arguments|unknown command/],
  ['sh', 'tessera users list --config a --sub b', /unknown option/],
  ['sh', 'printf %s a | tessera users add --config a', /required option .*--username/],
  ['sh', 'sudo tessera keys list --config', /argument missing/],
  ['sh', 'npx @tessera/server demo --prot 1', /unknown option/],
  ['sh', 'npm run tests', /no script/],
  ['sh', 'npm pack -w @tessera/servr', /no package/],
  ['sh', 'node examples/client/none.ts', /does not exist/],
  ['sh', 'kubectl apply -f deploy/kubernetes/none.yaml', /does not exist/],
  ['sh', 'create-tessera a --ap express', /--ap/],
  ['sh', 'curl http://localhost:5080/connect/tokens', /no endpoint/],
  ['sh', 'curl http://localhost:5080/connect/token -d grant=code', /no parameter/],
  ['sh', 'tesera demo', /no program/],
  ['sh', "tessera demo 'x", /can't read/],
  ['console', '$ tessera keys rotat', /unknown command/],
  ['console', '$ printf %s "$SECRET" | tessera hash-secret\n{"sha256":"AAAA"}', /prints something else/],
  ['json', '{"event":"refused","reason":"none"}', /not known/],
  ['json', '{"id":"evt_1","type":"user.none"}', /no type/],
  ['yaml', 'a: [1', /./],
  ['yaml', 'configuration: { isuer: x }', /isuer/],
  ['yaml', 'configuration: {}\nreplica: 1', /replica/],
  ['toml', 'a = b', /no line/],
  ['ruby', "gitlab_rails['a'] = [b]", /JSON/],
  ['ini', 'ExecStop=/usr/bin/tessera stop', /unknown command/],
  ['nginx', 'proxy_set_header Host $http_host;', /no file of deploy/],
  ['mermaid', 'flowchart LR\n  a -> b', /no link/],
  ['mermaid', 'flowchart LR\n  a["nowhere/<br>"] --> b', /no folder/],
]

test('code blocks: a fault of each kind is found', async () => {
  for (const [language, text, error] of faults) {
    const block = { page: 'docs/guides/applications.md', line: 1, language, text, mark: undefined }
    const page = language === 'ini' ? 'docs/guides/operating.md' : block.page
    const { check } = kindOf({ ...block, page }) ?? assert.fail(language)
    const errors = await outcomeOf(check!, block)
    assert.match(errors.join('\n'), error, text)
  }
  assert.match((await compile()).join('\n'), /^faulty\.md:1, line 1 of the block: Type .* not assignable/m)
})
