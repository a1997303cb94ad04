/**
 * `tessera users add|list|find|show|set|rename|disable|enable|revoke|set-password|set-groups|set-roles|export|delete`: users.
 * The server may run meanwhile.
 */

import { parseJsonObject } from '@tessera/protocol/json'
import { longestMembership, type Membership, memberships, mostMemberships } from '../model/membership.ts'
import { type ClaimProblem, problemOfClaims, recordClaimsOf } from '../model/user-claims.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type {
  AddUserFlags,
  DeleteUserFlags,
  ExitCode,
  ExportUserFlags,
  FindUserFlags,
  IssuerFlags,
  MembershipFlags,
  NamedUserFlags,
  RenameUserFlags,
  SetPasswordFlags,
  SetUserFlags,
} from './command.ts'
import { lineOf, withOpened } from './issuer.ts'
import { readJsonInput } from './json-input.ts'
import { report } from './report.ts'
import { readSecret } from './secret-input.ts'

type OpenUsers = Awaited<ReturnType<typeof import('../app/administration.ts').openUsers>>
type Row = Awaited<ReturnType<OpenUsers['list']>>[number]

export const list = (flags: IssuerFlags): Promise<ExitCode> =>
  withUsers(flags, async users => {
    for (let after: string | undefined, more = true; more; ) {
      const page = await users.list(after)
      for (const user of page) writeOutput(`${lineOf(shown(user))}\n`)
      after = page.at(-1)?.sub
      more = page.length > 0
    }
    return 0
  })

export const find = (text: string, flags: FindUserFlags): Promise<ExitCode> =>
  withUsers(flags, async users => {
    const found = await users.searchUsers(text)
    for (const user of found) {
      const { username, email } = user
      const line = lineOf({
        ...user,
        username: JSON.stringify(username),
        email: email && JSON.stringify(email),
      })
      writeOutput(`${flags.json ? JSON.stringify(user) : line}\n`)
    }
    return found.length > 0 ? 0 : report('no user has this sub, name or email address')
  })

export const add = (flags: AddUserFlags): Promise<ExitCode> =>
  withUsers(flags, async users => {
    const { username, sub, email, emailVerified = false, inTenant, claims: json } = flags
    const { group: groups, role: roles } = flags
    const claims = json === undefined ? {} : parseJsonObject(json)
    if (!claims) return report('--claims is not a JSON object', 2)
    const refused = problemOfClaims(claims)
    if (refused) return report(textOf(refused), 2)
    if (inTenant !== undefined && !users.tenants.has(inTenant)) return report(`no tenant "${inTenant}"`)
    if (flags.password === false && flags.passwordHash)
      return report('expected one of --password-hash and --no-password', 2)
    const password =
      flags.password === false
        ? undefined
        : await readSecret(flags.passwordHash ? 'Password hash' : 'Password')
    if (password === '') return report(emptyInput(flags))
    const added = await users.add({
      username,
      claims,
      groups,
      roles,
      emailVerified,
      sub,
      email,
      tenant: inTenant,
      dryRun: flags.dryRun ?? false,
      ...(flags.passwordHash ? { passwordHash: password } : { password }),
    })
    if (!added.ok) return report(problemOf(added))
    writeOutput(`${flags.dryRun ? 'would be added' : 'added'} ${lineOf(shown(added.user))}\n`)
    return 0
  })

const textOf = ({ claim, kind }: ClaimProblem): string =>
  kind === 'member'
    ? `--claims contains "${claim}", which is a member of the user; expected --email, --email-verified, --group or --role`
    : `--claims contains "${claim}", which only this server may set; expected claims about the user`

export const setPassword = (flags: SetPasswordFlags): Promise<ExitCode> =>
  withUsers(flags, async users => {
    const password = await readSecret(flags.passwordHash ? 'Password hash' : 'Password')
    if (password === '') return report(emptyInput(flags))
    const { user, passwordHash } = flags
    return reported(
      'changed',
      await (passwordHash ? users.setPasswordHash(user, password) : users.setPassword(user, password)),
    )
  })

export const show = (flags: NamedUserFlags): Promise<ExitCode> =>
  withUsers(flags, async ({ records }) => {
    const user = await records.show(flags.user)
    if (!user) return report(problems.account_unknown)
    writeOutput(`${JSON.stringify(user, null, 2)}\n`)
    return 0
  })

export async function set(flags: SetUserFlags): Promise<ExitCode> {
  const { user: sub, file, ifVersion: version, dryRun = false } = flags
  if (Number.isNaN(version)) return report('--if-version is not a number', 2)
  const given = await readJsonInput(file)
  if (!given) return 1
  return withUsers(flags, async ({ records }) => {
    const outcome = await records.set(sub, given, { version, dryRun })
    if (!outcome.ok) {
      for (const { path, problem, expected } of outcome.errors ?? [])
        writeError(`${path}: ${problem}\n    expected: ${expected}\n`)
      const current = outcome.version === undefined ? '' : ` (its version is ${outcome.version})`
      return report(`${problems[outcome.problem]}${current}`)
    }
    const { username, version: made } = outcome.user
    const line = lineOf({ sub, username: JSON.stringify(username), version: made })
    writeOutput(`${dryRun ? 'would be changed' : 'changed'} ${line}\n`)
    return 0
  })
}

export const rename = (flags: RenameUserFlags): Promise<ExitCode> =>
  withUsers(flags, async users => reported('renamed', await users.rename(flags.user, flags.username)))

export const setGroups = (flags: MembershipFlags): Promise<ExitCode> => setMemberships('groups', flags)
export const setRoles = (flags: MembershipFlags): Promise<ExitCode> => setMemberships('roles', flags)

/** Requires `--none` to remove all, so that an accidentally empty variable in a script removes nothing. */
async function setMemberships(kind: Membership, flags: MembershipFlags): Promise<ExitCode> {
  const names = { groups: flags.group, roles: flags.role }[kind] ?? []
  if (names.length > 0 === (flags.none ?? false))
    return report(`expected ${{ groups: '--group', roles: '--role' }[kind]} or --none`, 2)
  return withUsers(flags, async users =>
    reported('changed', await users.setMemberships(flags.user, { [kind]: names })),
  )
}

export const remove = (flags: DeleteUserFlags): Promise<ExitCode> =>
  withUsers(flags, async ({ personalData }) => {
    const { user: sub, dryRun = false } = flags
    const deleted = dryRun ? await personalData.preview(sub) : await personalData.erase(sub, actor)
    if (!deleted.ok) return report(problems[deleted.reason as 'account_unknown'])
    writeOutput(`${dryRun ? 'would delete' : 'deleted'} ${lineOf({ sub, ...deleted.value })}\n`)
    return 0
  })

/** The new file is readable only by its owner. */
export const exportData = (text: string, flags: ExportUserFlags): Promise<ExitCode> =>
  withUsers(flags, async ({ personalData, searchUsers }) => {
    const { writeFileSync } = await import('node:fs')
    const found = await searchUsers(text)
    const [only, ...others] = new Set(found.map(({ sub }) => sub))
    // People of providers have no record that could be searched.
    const sub = found.some(user => user.sub === text) ? text : (only ?? text)
    if (sub !== text && others.length > 0) return report(severalUsers([sub, ...others]), 2)
    const exported = await personalData.exportData(sub, actor)
    if (!exported.ok)
      return report('nothing is stored about a user with this sub, name or verified email address')
    const json = `${JSON.stringify(exported.value, null, 2)}\n`
    if (flags.output === undefined) writeOutput(json)
    else writeFileSync(flags.output, json, { mode: 0o600, flag: 'wx' })
    return 0
  })

const severalUsers = (subs: readonly string[]): string =>
  `several users have this name or address: ${subs.join(', ')}; expected the sub of one of them`

/** The actor of events and log lines. */
const actor = 'command_line'

/** Users of a provider have no record, but something is stored about them if there is anything to revoke. */
export const revoke = ({ user: sub, ...flags }: NamedUserFlags): Promise<ExitCode> =>
  withUsers(flags, async ({ searchUsers, personalData, endAccess }) => {
    const found = await searchUsers(sub)
    const isKnown = found.some(one => one.sub === sub) || (await personalData.preview(sub)).ok
    const sessions = await endAccess(sub)
    if (isKnown || sessions.length > 0) {
      writeOutput(`revoked sub=${sub} sessions=${sessions.length}\n`)
      return 0
    }
    const meant = found.map(one => one.sub).join(', ')
    return report(
      `nothing is stored about a user with this sub, so nothing was revoked; expected the sub, not the name: ${meant === '' ? 'see "tessera users find"' : meant}`,
    )
  })

export const disable = (flags: NamedUserFlags): Promise<ExitCode> => setActive(flags, false)
export const enable = (flags: NamedUserFlags): Promise<ExitCode> => setActive(flags, true)

const setActive = (flags: NamedUserFlags, active: boolean): Promise<ExitCode> =>
  withUsers(flags, async users =>
    reported(active ? 'enabled' : 'disabled', await users.setActive(flags.user, active)),
  )

function reported(done: string, kept: Awaited<ReturnType<OpenUsers['setActive']>>): ExitCode {
  if (!kept.ok) return report(problemOf(kept))
  writeOutput(`${done} ${lineOf(shown(kept.user))}\n`)
  return 0
}

const withUsers = (
  flags: IssuerFlags & Pick<DeleteUserFlags, 'dryRun'>,
  use: (users: OpenUsers) => Promise<ExitCode>,
): Promise<ExitCode> =>
  withOpened(
    flags,
    'users',
    async (...issuer) => (await import('../app/administration.ts')).openUsers(...issuer, flags),
    use,
  )

type Hashed = Pick<SetPasswordFlags, 'passwordHash'>

const emptyInput = ({ passwordHash }: Hashed): string =>
  `standard input is empty; expected a password${passwordHash ? ' hash' : ''}`

const problemOf = ({
  problem,
  hash,
  holder,
}: {
  readonly problem: keyof typeof problems
  readonly hash?: { readonly problem: string; readonly expected: string }
  readonly holder?: string
}): string => {
  if (hash) return `${problems[problem]}: ${hash.problem}; expected ${hash.expected}`
  if (holder === undefined) return problems[problem]
  return `${problems[problem]}\n  it belongs to sub=${holder}; "tessera users rename" or "delete" frees it`
}

const problems = {
  username_taken: 'the username is taken',
  username_malformed: 'the username is invalid',
  account_taken: 'the sub or the verified address is taken',
  account_changed: 'the user was changed at the same time; retry',
  account_unknown: 'no such user in the store',
  account_read_only: 'the user belongs to the configuration file; change them there',
  account_outdated: 'the user was changed since; read the record again',
  record_invalid: 'the record is invalid',
  account_configured:
    'the user belongs to the configuration file; remove them there first, or they could sign in again',
  email_malformed: 'the email address is invalid',
  claim_not_allowed: 'a claim is a member of the user, or only this server may set it; expected other claims',
  membership_malformed: `a group or role is invalid; expected at most ${mostMemberships} names, each of one line and at most ${longestMembership} characters`,
  password_hash_malformed: 'the password hash is refused',
  sub_malformed:
    'the sub is invalid, or looks like that of a user of another identity provider; expected at most 255 printable ASCII characters, not . or .., and not fed_ with 43 characters',
  too_short: 'the password is too short for accounts.password_policy',
  too_long: 'the password is longer than 512 characters',
  too_common: 'the password is too easy to guess',
  like_name: 'the password is too similar to the name',
} as const

/** Omits the hash of the password. */
const shown = ({
  sub,
  username,
  tenant,
  email,
  email_verified_at,
  created_at,
  disabled_at,
  password,
  claims,
}: Row) => ({
  sub,
  username: JSON.stringify(username),
  tenant,
  email,
  email_verified_at,
  created_at,
  disabled_at,
  ...Object.fromEntries(
    memberships.flatMap(kind => {
      const names = recordClaimsOf(claims)[kind] ?? []
      return names.length === 0 ? [] : [[kind, JSON.stringify(names)]]
    }),
  ),
  password: password === undefined ? 'none' : 'set',
  password_hash: password === undefined || password.startsWith('$argon2id$') ? undefined : 'imported',
})
