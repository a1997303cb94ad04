/** Code blocks with data that is no configuration of Tessera: JSON, YAML, settings of other programs, diagrams. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'
import { eventTypes } from '../../../packages/server/src/model/events.ts'
import { importedPasswordHash } from '../../../packages/server/src/runtime/password-hash/exported.ts'
import { readText, textsOf } from '../../support/repository.ts'
import type { Block } from '../blocks.ts'
import { scriptErrors } from './commands.ts'
import { configurationErrors } from './configuration.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Checks what is recognized; the rest only has to be JSON: members of another server's file, without braces. */
export function jsonErrors({ text }: Block): readonly string[] {
  const value = JSON.parse(text.startsWith('"') ? `{${text}}` : text)
  if ('event' in value) {
    const isKnown = readText('docs/events.md').includes(`| \`${value.event}\` |`)
    const hasReason =
      value.reason === undefined || readText('docs/reasons.md').includes(`\n| \`${value.reason}\``)
    return isKnown && hasReason
      ? []
      : [`the event or its reason is not known: ${value.event}, ${value.reason}`]
  }
  if (value.id?.startsWith?.('evt_'))
    return eventTypes.includes(value.type) ? [] : [`${value.type} is no type of event`]
  if ('secretData' in value || 'hash_config' in value) importedPasswordHash(text)
  return []
}

const values = () => parse(readText('deploy/helm/tessera/values.yaml'))

export function yamlErrors({ text }: Block): readonly string[] {
  const errors = parseAllDocuments(text).flatMap(document => document.errors.map(({ message }) => message))
  if (errors.length > 0) return errors
  const value = parse(text)
  // Values of the Helm chart.
  if (!('configuration' in value)) return []
  const unknown = Object.keys(value).filter(key => !Object.hasOwn(values(), key))
  return [
    ...unknown.map(key => `${key} is no value of the chart`),
    ...configurationErrors(value.configuration),
  ]
}

/** A line of the settings of a program, by the language of the block. */
const settings: Readonly<Record<string, RegExp>> = {
  toml: /^\w+ = (?:"[^"]*"|\["\*"\])$/,
  ini: /^(?:\[[\w.]+\]|\w+ = \S.*|)$/,
  apache: /^(?:OIDC\w+ (?:"[^"]*"|\S+)|<Location \/\w+>|<\/Location>| {2}(?:AuthType|Require) [\w-]+|)$/,
  python: /^[A-Z_]+ = (?:"[^"]*"|True|os\.environ\["[A-Z_]+"\])$/,
}

/** The values are compared with the entries of the clients by test/docs/applications.test.ts. */
export function settingErrors({ language, text }: Block): readonly string[] {
  if (language === 'ruby') return rubyErrors(text)
  return text
    .split('\n')
    .filter(line => !settings[language]!.test(line))
    .map(line => `it is no line of ${language} that this test knows: ${line}`)
}

export const settingLanguages: ReadonlySet<string> = new Set([...Object.keys(settings), 'ruby'])

/** Assignments of literals, whose hashes become objects of JSON. */
function rubyErrors(text: string): readonly string[] {
  const assignments = text.replaceAll(/ # .*$/gm, '').split(/^gitlab_rails\['\w+'\] = /m)
  if (assignments.shift() !== '') return ['it does not begin with an assignment']
  for (const literal of assignments)
    JSON.parse(literal.replaceAll("'", '"').replaceAll(/\b(\w+):(?= )|\b(\w+):$/gm, '"$1$2":'))
  return []
}

/** Lines of files that tests check or run. */
const deployed = [...textsOf('deploy/**/*.{service,conf}').values()].flatMap(text =>
  text.split('\n').map(line => line.trim()),
)

/** Each line is one of a file of `deploy`, or a directive that such a file has, with another value. */
export async function deployedErrors({ language, text }: Block): Promise<readonly string[]> {
  const errors: string[] = []
  for (const line of text.split('\n').map(line => line.trim())) {
    const [, command] = /^Exec\w+=\/usr\/bin\/(tessera .*)$/.exec(line) ?? []
    if (command) errors.push(...(await scriptErrors(command)))
    const [name = ''] = /^[A-Z]\w+(?==)/.exec(line) ?? []
    const isDirective =
      language === 'ini' && deployed.some(one => one.startsWith(`${name.replace('Encrypted', '')}=`))
    if (!deployed.includes(line) && !(name !== '' && isDirective))
      errors.push(`it is in no file of deploy: ${line}`)
  }
  return errors
}

/** Flowcharts of rooms: a label that ends in "/" is a folder of the server. */
export function diagramErrors({ text }: Block): readonly string[] {
  const [first = '', ...lines] = text.split('\n')
  const node = String.raw`\w+(?:\["[^"]+"\])?`
  const link = new RegExp(
    String.raw`^ {2}${node}(?: & ${node})*(?: -->(?:\|[^|]+\|)? ${node}(?: & ${node})*)+$`,
  )
  const folders = [...text.matchAll(/[">]((?:[\w-]+\/)+)(?=[<":,])/g)].map(([, folder]) => folder!)
  return [
    ...(/^flowchart (?:LR|TD)$/.test(first) ? [] : ['expected a flowchart']),
    ...lines.filter(line => !link.test(line)).map(line => `it is no link of a flowchart: ${line}`),
    ...folders
      .filter(folder => !existsSync(`${root}/packages/server/src/${folder}`))
      .map(one => `${one} is no folder`),
  ]
}
