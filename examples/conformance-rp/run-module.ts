/** Plays the part of the app and of its user in one module of the suite. */

import type { Fetch } from '@tessera/client'
import { type App, createApp } from './app.ts'
import { openPath } from './browser.ts'
import { settingsOfVariant, stepsOf } from './modules.ts'
import { type Environment, readSettings, type Settings } from './settings.ts'

export type RunOptions = {
  readonly fetch?: Fetch
  /** Receives a line for each step. */
  readonly log?: (line: string) => void
  /** Serves the app, for the modules in which the suite requests the request object. Returns how to stop. */
  readonly serve?: (app: App, settings: Settings) => Promise<() => void>
}

export type ModuleResult = {
  readonly module: string
  readonly expected: string
  /** The outcome of the last step, or the code of the error. */
  readonly outcome: string
  /** Whether the outcome is the expected one. The suite itself decides whether the module has passed. */
  readonly passed: boolean
  /** The JSON that the app showed at the end. */
  readonly shown: Shown
}

type Shown = {
  readonly outcome: string
  readonly claims?: Readonly<Record<string, unknown>> | null
  readonly userinfo?: Readonly<Record<string, unknown>> | null
  readonly error?: { readonly code?: string; readonly message?: string }
}

/** @param environment settings, and the variant of the suite as JSON in `VARIANT`. */
export async function runModule(
  module: string,
  environment: Environment,
  { fetch = globalThis.fetch, log = () => {}, serve }: RunOptions = {},
): Promise<ModuleResult> {
  const { paths, expected, environment: replaced } = stepsOf(module, environment.ISSUER ?? '')
  const variant: Environment = JSON.parse(environment.VARIANT ?? '{}')
  const settings = readSettings({
    // The redirect URI is never requested over the network, so any URL that the suite accepts is a good default.
    BASE_URL: 'https://rp.example',
    ...environment,
    ...settingsOfVariant(variant),
    ...replaced,
  })
  if (variant.client_registration === 'static_client' && !settings.client_id)
    throw new Error('client_registration is static_client: set CLIENT_ID and CLIENT_SECRET')
  const logged: Fetch = async (url, init) => {
    const { origin, pathname } = new URL(url)
    const response = await fetch(url, init)
    log(`app ${init?.method ?? 'GET'} ${origin}${pathname} ${response.status}`)
    return response
  }
  const app = await createApp(settings, logged)
  const stop = settings.requestObject === 'reference' ? await serve?.(app, settings) : undefined
  try {
    const { baseUrl } = settings
    const outcomes: Shown[] = []
    for (const path of paths) {
      const shown: Shown = await (await openPath({ app, baseUrl, fetch, log }, path)).json()
      log(`${path} ends with ${outcomeOf(shown)}`)
      outcomes.push(shown)
      // Each step before the last one is a sign-in.
      if (shown.outcome === 'refused') break
    }
    const shown = outcomes.at(-1) ?? { outcome: 'nothing' }
    const outcome = outcomeOf(shown)
    const passed = outcome === expected && outcomes.length === paths.length
    return { module, expected, outcome, passed, shown }
  } finally {
    stop?.()
  }
}

const outcomeOf = ({ outcome, error }: Shown): string =>
  outcome === 'refused' ? (error?.code ?? error?.message ?? 'refused') : outcome
