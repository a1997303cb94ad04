/** Changes the clients and users of a running test server, as a reload of its configuration does. */

import type { TestConfiguration } from './configuration.ts'

export type ClientInput = NonNullable<TestConfiguration['clients']>[number]
export type UserInput = NonNullable<TestConfiguration['users']>[number]

/**
 * Each function resolves when the server has applied the change, and rejects without effect if the configuration would
 * be invalid.
 */
export type Changes = {
  readonly addClient: (client: ClientInput) => Promise<void>
  /** Replaces some keys of a client, for example `{ enabled: false }`. */
  readonly updateClient: (clientId: string, changes: Partial<ClientInput>) => Promise<void>
  /** Tokens of a removed client are then refused. */
  readonly removeClient: (clientId: string) => Promise<void>
  readonly addUser: (user: UserInput) => Promise<void>
  /** Replaces some keys of a user, for example `{ active: false }`. @param name a user name or `sub`. */
  readonly updateUser: (name: string, changes: Partial<UserInput>) => Promise<void>
  readonly removeUser: (name: string) => Promise<void>
  /** Replaces whole keys of the configuration, for example `{ mfa: { mode: "required" } }`. */
  readonly configure: (changes: TestConfiguration) => Promise<void>
}

/** @param apply applies a configuration. */
export function createChanges(
  current: () => TestConfiguration,
  apply: (next: TestConfiguration) => Promise<void>,
): Changes {
  const isClient = (id: string) => (client: ClientInput) => client.client_id === id
  const isUser = (name: string) => (user: UserInput) => user.username === name || user.sub === name
  const clients = () => current().clients ?? []
  const users = () => current().users ?? []
  const withClients = (next: readonly ClientInput[]) => apply({ ...current(), clients: [...next] })
  const withUsers = (next: readonly UserInput[]) => apply({ ...current(), users: [...next] })

  return {
    addClient: async client => withClients([...clients(), client]),
    updateClient: async (id, changes) =>
      withClients(replaced(clients(), isClient(id), changes, `client "${id}"`)),
    removeClient: async id => withClients(without(clients(), isClient(id), `client "${id}"`)),
    addUser: async user => withUsers([...users(), user]),
    updateUser: async (name, changes) =>
      withUsers(replaced(users(), isUser(name), changes, `user "${name}"`)),
    removeUser: async name => withUsers(without(users(), isUser(name), `user "${name}"`)),
    configure: async changes => apply({ ...current(), ...changes }),
  }
}

function replaced<Entry extends object>(
  entries: readonly Entry[],
  matches: (entry: Entry) => boolean,
  changes: Partial<Entry>,
  what: string,
): readonly Entry[] {
  if (!entries.some(matches)) throw new Error(`there is no configured ${what}`)
  return entries.map(entry => (matches(entry) ? { ...entry, ...changes } : entry))
}

function without<Entry>(
  entries: readonly Entry[],
  matches: (entry: Entry) => boolean,
  what: string,
): readonly Entry[] {
  if (!entries.some(matches)) throw new Error(`there is no configured ${what}`)
  return entries.filter(entry => !matches(entry))
}
