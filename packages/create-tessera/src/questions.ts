/** Asks for the choices that are not in the arguments. */

import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import { confirm, intro, isCancel, select, text } from '@clack/prompts'
import { apps, factsOf } from './apps.ts'
import { type Choices, checkDatabaseUrl, checkName, type GivenChoices, type Store } from './arguments.ts'

const appOptions = apps.map(app => ({ value: app, label: factsOf[app].label }))

const storeOptions: { value: Store; label: string }[] = [
  { value: 'sqlite', label: 'SQLite, in a file' },
  { value: 'postgres', label: 'PostgreSQL, for several nodes' },
]

const defaults = {
  name: 'my-tessera',
  app: 'express',
  store: 'sqlite',
  databaseUrl: 'postgres://localhost:5432/tessera',
} as const

/** The terminal that questions are asked in. */
type Terminal = { readonly input: Readable & { readonly isTTY?: boolean }; readonly output: Writable }

class Cancelled extends Error {}

/**
 * Returns the complete choices. If the user cancels, or choices are missing and there is no terminal, writes the reason
 * to standard error and returns undefined.
 */
export async function complete(
  given: GivenChoices,
  terminal: Terminal = { input: process.stdin, output: process.stdout },
): Promise<Choices | undefined> {
  const mustAsk = !given.yes && isIncomplete(given)
  if (mustAsk && !terminal.input.isTTY) {
    console.error('there is no terminal to ask questions in: pass all options, or add --yes')
    return undefined
  }
  if (!mustAsk) return withDefaults(given)
  intro('New Tessera project', terminal)
  try {
    const name = given.name ?? (await askName(terminal))
    const app =
      given.app ??
      answered(await select({ message: 'Which sample application?', options: appOptions, ...terminal }))
    const store =
      given.store ?? answered(await select({ message: 'Which store?', options: storeOptions, ...terminal }))
    const databaseUrl =
      store === 'postgres' ? (given.databaseUrl ?? (await askDatabaseUrl(terminal))) : undefined
    const install = given.install ?? answered(await confirm({ message: 'Run npm install now?', ...terminal }))
    return withDefaults({ ...given, name, app, store, databaseUrl, install })
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    console.error('cancelled: nothing was written')
    return undefined
  }
}

const isIncomplete = ({ name, app, store, databaseUrl }: GivenChoices): boolean =>
  name === undefined ||
  app === undefined ||
  store === undefined ||
  (store === 'postgres' && databaseUrl === undefined)

const withDefaults = ({ yes: _, ...given }: GivenChoices): Choices => {
  const store = given.store ?? defaults.store
  return {
    ...given,
    store,
    name: given.name ?? defaults.name,
    app: given.app ?? defaults.app,
    databaseUrl: store === 'postgres' ? (given.databaseUrl ?? defaults.databaseUrl) : undefined,
    install: given.install ?? false,
  }
}

function answered<Answer>(answer: Answer): Exclude<Answer, symbol> {
  if (isCancel(answer)) throw new Cancelled()
  return answer as Exclude<Answer, symbol>
}

const askName = async (terminal: Terminal): Promise<string> =>
  answered(
    await text({
      ...terminal,
      message: 'Project name',
      placeholder: defaults.name,
      defaultValue: defaults.name,
      validate: value => (value ? checkName(value) : undefined),
    }),
  )

const askDatabaseUrl = async (terminal: Terminal): Promise<string> =>
  answered(
    await text({
      ...terminal,
      message: 'Database address',
      placeholder: defaults.databaseUrl,
      defaultValue: defaults.databaseUrl,
      validate: value => (value ? checkDatabaseUrl(value) : undefined),
    }),
  )
