/** Reads a JSON object that someone gives to a command. */

import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import { report } from './report.ts'

/** Reads the file, or standard input. Reports what is wrong with it, and resolves to undefined. */
export async function readJsonInput(file: string | undefined): Promise<JsonObject | undefined> {
  const place = file ?? 'standard input'
  try {
    const value: unknown = JSON.parse(
      file === undefined ? await text(process.stdin) : readFileSync(file, 'utf8'),
    )
    if (isJsonObject(value)) return value
    report(`${place}: expected one JSON object`)
  } catch (error) {
    // The parser's message quotes the text, which may contain a secret.
    const { code } = error as NodeJS.ErrnoException
    report(
      `${place}: ${code === undefined ? 'it is not JSON' : `it can't be read (${code})`}; expected one JSON object`,
    )
  }
  return undefined
}
