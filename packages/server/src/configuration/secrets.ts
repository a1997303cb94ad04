/** Reads the secrets of a configuration from variables and files, and reports those that look like a mistake. */

import { resolve } from 'node:path'
import { readRegularFile } from '../runtime/regular-file.ts'
import type { Description } from './diagnostic.ts'
import type { Environment } from './environment.ts'
import { isOpen, openFile } from './open-file.ts'
import type { CheckError, Path, SecretReader } from './validation/schema.ts'

type SecretWarning = { readonly path: Path; readonly description: Description }

type Secrets = {
  readonly read: SecretReader
  /** The warnings about all secrets read so far. */
  readonly warnings: () => readonly SecretWarning[]
}

/** Much more than any secret needs. */
const mostBytes = 65_536

/** @param directory the base folder for relative paths. */
export function createSecrets(environment: Environment, directory: string): Secrets {
  const warnings: SecretWarning[] = []
  return {
    read(written, path) {
      const reading: Reading =
        typeof written === 'string'
          ? readLiteral(written)
          : 'env' in written
            ? readVariable(written.env, environment)
            : 'file' in written
              ? readSecretFile(resolve(directory, written.file))
              : refused('it does not say where the secret is', place, 'write one of these')
      if (reading.warning) warnings.push({ path: [...path], description: reading.warning })
      return reading
    },
    warnings: () => warnings,
  }
}

type Reading = ReturnType<SecretReader> & { readonly warning?: Description | undefined }

const refused = (problem: string, expected: string, fix: string): { ok: false; error: CheckError } => ({
  ok: false,
  error: { problem, expected, fix },
})

const place = '{ "env": "NAME" } or { "file": "PATH" }'

/** Names of variables, as far as a fix repeats them. Anything else could be the secret itself. */
const variableName = /^\$\{([A-Z_][A-Z0-9_]*)(?::[-?+][^{}]*)?\}$/

/** Other tools replace these. Here they would be the secret, which anyone could guess. */
function readLiteral(text: string): Reading {
  if (/^\$\{[^{}]*\}$/.test(text)) {
    const [, name = 'NAME'] = variableName.exec(text) ?? []
    return refused(
      'variables in strings are not replaced, so this text would be the secret',
      place,
      `write { "env": "${name}" }`,
    )
  }
  const looksReplaced = /\$\{[A-Za-z_]\w*\}|^\$[A-Z_]+$|^env:\w+$|^file:\/*[\w.]|^\{\{.*\}\}$/.test(text)
  return looksReplaced ? { ok: true, text, warning: notReplaced } : { ok: true, text }
}

const notReplaced: Description = {
  problem: 'it looks like a reference, and references in strings are not replaced',
  expected: `the value itself, or ${place}`,
  fix: 'put the whole value into a variable or a file; ignore this if the text is the value',
}

function readVariable(name: string, environment: Environment): Reading {
  const text = Object.hasOwn(environment, name) ? environment[name] : undefined
  const of = `variable ${shown(name)}`
  if (text === undefined) return refused(`the ${of} is not set`, 'a variable with the value', `set ${of}`)
  return text === ''
    ? refused(`the ${of} is empty`, 'a variable with the value', `set ${of} to the value`)
    : { ok: true, text }
}

/** Any other name may be a value that was written in the wrong place. */
const shown = (name: string): string => (/^[A-Z_][A-Z0-9_]{0,99}$/.test(name) ? `"${name}"` : 'of this name')

/** Reads a file as the value of a secret. Returns what is wrong with it, without its content. */
export function readSecretFile(file: string): Reading {
  const expected = `a file of at most ${mostBytes / 1024} KiB with the value`
  const content = readRegularFile(file, mostBytes)
  if (!content.ok) return refused(content.problem, expected, content.fix)
  const { bytes, mode } = content
  const reading = decode(bytes, expected)
  bytes.fill(0)
  return reading.ok && isOpen(mode) ? { ...reading, warning: openFile } : reading
}

function decode(bytes: Uint8Array, expected: string): Reading {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refused('the file is not text in UTF-8', expected, 'write the value as text')
  }
  // Editors and `echo` end a file with a line break. A second one is part of the value.
  const value = text.replace(/\r?\n$/, '')
  return value === ''
    ? refused('the file is empty', expected, 'write the value into it')
    : { ok: true, text: value }
}
