/** The key `userStore` of a module: its schema, and the store as the server calls it. */

import { checkHook, type Hook } from '../../model/hook.ts'
import {
  boolean,
  InvalidHookResult,
  jsonObject,
  object,
  optional,
  type Read,
  subject,
  text,
} from '../../model/hook-result.ts'
import { isDerivedSub } from '../../model/user.ts'
import type { CheckedUserStore, UserStore, UserStoreUser } from '../../model/user-store.ts'
import { passwordHashError } from '../../runtime/password-hash/read.ts'
import * as s from '../validation/kinds.ts'
import { isArgon2idHash } from './credentials.ts'
import { defined } from './values.ts'

const members = {
  findBySub: true,
  findByUsername: true,
  findByEmail: false,
  checkPassword: false,
  setPassword: false,
  upgradePassword: false,
  create: false,
} as const satisfies {
  readonly [Member in keyof Required<UserStore>]: undefined extends UserStore[Member] ? false : true
}

/** The members of the store, for tests that have a row for each. */
export const userStoreMembers = Object.keys(members) as readonly (keyof UserStore)[]

export const userStoreSchema = () =>
  (s.unknown() as s.Schema<unknown, UserStore> as s.Schema<UserStore>).check(storeError).optional()

function storeError(value: unknown): s.CheckError | undefined {
  const expected = 'an object with functions: findBySub, findByUsername, and others that are optional'
  const error = (problem: string, fix: string): s.CheckError => ({ problem, expected, fix })
  if (typeof value !== 'object' || value === null)
    return error('it is no object', 'write { findBySub, findByUsername }')
  const given = value as Readonly<Record<string, unknown>>
  const unknown = Object.keys(given).find(name => !Object.hasOwn(members, name))
  if (unknown !== undefined)
    return error(`it has no function named "${unknown}"`, `use one of ${Object.keys(members).join(', ')}`)
  for (const [name, required] of Object.entries(members))
    if (typeof given[name] !== 'function' && (required || given[name] !== undefined))
      return error(
        `${name} is ${given[name] === undefined ? 'missing' : 'not a function'}`,
        `write ${name}: async request => …`,
      )
  return undefined
}

/** NULL columns count as omitted. */
const nullable =
  <Value>(read: Read<Value>): Read<Value | undefined> =>
  (value, place) =>
    value === null || value === undefined ? undefined : read(value, place)

const ownSubject: Read<string> = (value, place) => {
  const sub = subject(value, place)
  if (isDerivedSub(sub)) throw new InvalidHookResult(`${place} has the form of a sub that the server derives`)
  return sub
}

const hash: Read<string> = (value, place) => {
  const encoded = text(value, place)
  if (isArgon2idHash(encoded)) return encoded
  throw new InvalidHookResult(
    `${place} is not an argon2id hash in PHC form with m up to 262144, t and p up to 16`,
  )
}

const anyHash: Read<string> = (value, place) => {
  const encoded = text(value, place)
  const error = passwordHashError(encoded)
  if (!error) return encoded
  throw new InvalidHookResult(`${place}: ${error.problem}; expected ${error.expected}`)
}

const row = object({
  sub: ownSubject,
  username: text,
  tenant: nullable(text),
  active: optional(boolean),
  claims: optional(jsonObject),
  password_argon2id: nullable(hash),
  password_hash: nullable(anyHash),
})

const user: Read<UserStoreUser | undefined> = nullable((value, place) => {
  const read = row(value, place)
  if (read.password_argon2id === undefined || read.password_hash === undefined) return read
  throw new InvalidHookResult(`${place} has both password_argon2id and password_hash`)
})

/** @param limit the time limit of each function, in seconds. */
export function checkedUserStore(store: UserStore, limit: number): CheckedUserStore {
  const lookUp = <Request>(
    member: 'findBySub' | 'findByUsername' | 'findByEmail',
    hook: Hook<Request, unknown> | undefined,
  ) =>
    hook &&
    checkHook(
      { hook: `userStore.${member}`, limit },
      (request: Request, context) => hook.call(store, request, context),
      user,
    )
  const act = <Request>(
    member: 'checkPassword' | 'setPassword' | 'upgradePassword' | 'create',
    hook: Hook<Request, boolean> | undefined,
  ) =>
    hook &&
    checkHook(
      { hook: `userStore.${member}`, limit },
      (request: Request, context) => hook.call(store, request, context),
      boolean,
    )
  return defined({
    findBySub: lookUp('findBySub', store.findBySub),
    findByUsername: lookUp('findByUsername', store.findByUsername),
    findByEmail: lookUp('findByEmail', store.findByEmail),
    checkPassword: act('checkPassword', store.checkPassword),
    setPassword: act('setPassword', store.setPassword),
    upgradePassword: act('upgradePassword', store.upgradePassword),
    create: act('create', store.create),
  }) as CheckedUserStore
}

/** Returns the store for a tenant's own issuer: its requests name the tenant, and within the issuer its users belong to none. */
export function userStoreOf(store: CheckedUserStore, tenant: string): CheckedUserStore {
  const own = (found: UserStoreUser | undefined): UserStoreUser | undefined => {
    if (!found) return undefined
    const { tenant: theirs, ...user } = found
    return theirs === undefined || theirs === tenant ? user : undefined
  }
  const { findBySub, findByUsername, findByEmail, checkPassword, setPassword, upgradePassword, create } =
    store
  return defined({
    findBySub: async request => own(await findBySub({ ...request, tenant })),
    findByUsername: async request => own(await findByUsername({ ...request, tenant })),
    findByEmail: findByEmail && (async request => own(await findByEmail({ ...request, tenant }))),
    checkPassword: checkPassword && (request => checkPassword({ ...request, tenant })),
    setPassword: setPassword && (request => setPassword({ ...request, tenant })),
    upgradePassword: upgradePassword && (request => upgradePassword({ ...request, tenant })),
    create: create && (request => create({ ...request, tenant })),
  } satisfies CheckedUserStore)
}
