/**
 * Where the current work comes from, for the audit log. It follows the promises of a request or command, so that the code
 * in between does not have to pass it on. Token requests set it only if they are refused, or have a password.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * `admin`: a client at the admin API. `command_line`: a command. `browser`: a person at a page, who is not always signed
 * in. `server`: the server itself.
 */
export type Origin = {
  readonly actor: {
    readonly kind: 'admin' | 'command_line' | 'browser' | 'server'
    readonly client_id?: string
    /** The account of the operating system. */
    readonly os_user?: string
    /** Of the command line, such as `users disable`. */
    readonly command?: string
  }
  /** For a command that can change something: the names of its options. Their values can be secrets. */
  readonly options?: readonly string[]
  readonly request_id?: string
  /** The network of the client. */
  readonly network?: string
}

const storage = new AsyncLocalStorage<Origin>()
const server: Origin = { actor: { kind: 'server' } }

export const currentOrigin = (): Origin => storage.getStore() ?? server

/** Returns whether a command runs that can change nothing. */
export function isReadingCommand(): boolean {
  const { actor, options } = currentOrigin()
  return actor.command !== undefined && options === undefined
}

/** Runs the work, and everything that it starts, with this origin. */
export const withOrigin = <Value>(origin: Origin, work: () => Value): Value => storage.run(origin, work)

/** Runs work of the server itself, which a request only happened to start: timers that it sets outlive the request. */
export const asServer = <Value>(work: () => Value): Value => storage.run(server, work)
