/** Adds the users of another server to the store of an issuer, while a server may be running. */

import type { Configuration } from '../configuration/configuration.ts'
import type { NewAccount } from '../identity/accounts.ts'
import { identityKey as externalKey } from '../identity/external-identity.ts'
import { createTotp } from '../identity/totp.ts'
import { administerUsers } from '../identity/user-administration.ts'
import { createSealing } from '../keys/sealing.ts'
import type { MigratedIdentity, MigratedUser } from '../migration/user.ts'
import { identityKey } from '../model/stored-user.ts'
import { type OpenOptions, openIssuer } from './administration.ts'
import { createServices } from './services.ts'

/** `same`: the store has this user already. `conflict`: another user has the `sub`, name or address, or it is refused. */
type UserOutcome =
  | { readonly outcome: 'added' | 'same' }
  | { readonly outcome: 'conflict'; readonly problem: string }

type UserImport = {
  /** Returns what `add` would do. */
  readonly look: (user: MigratedUser) => Promise<UserOutcome>
  /** Adds the user, unless the store has the `sub`. Existing users are never changed, so it can be repeated. */
  readonly add: (user: MigratedUser) => Promise<UserOutcome>
  readonly close: () => Promise<void>
}

const conflict = (problem: string): UserOutcome => ({ outcome: 'conflict', problem })

export async function openUserImport(
  server: Configuration,
  issuer: Configuration,
  options: OpenOptions = {},
): Promise<UserImport> {
  const context = await openIssuer(server, issuer, options)
  const services = createServices(context.configuration, context)
  const { accounts } = services.accounts
  const { users } = services.signIn
  const { stores, derived, clock, random } = context
  const { identityLinks, secondFactors } = stores
  const administration = administerUsers(accounts, stores.storedUsers)
  const sealing = createSealing({ derived, purpose: 'totp' })
  const totp = createTotp({ issuerName: new URL(issuer.issuer).host, stores, sealing, clock, random })

  async function find({ sub, username }: MigratedUser): Promise<UserOutcome | undefined> {
    const known = await accounts.find(sub)
    if (!known) return (await users.find(sub)) && conflict('sub_taken')
    return known.username_key === identityKey(username) ? { outcome: 'same' } : conflict('sub_taken')
  }

  async function look(user: MigratedUser): Promise<UserOutcome> {
    const known = await find(user)
    if (known) return known
    const added = await administration.add({ ...accountOf(user), dryRun: true })
    if (!added.ok) return conflict(added.problem)
    for (const identity of user.identities ?? []) {
      const linked = await identityLinks.find(identity.provider, keyOf(identity))
      if (linked && linked.sub !== user.sub) return conflict('identity_taken')
    }
    return { outcome: 'added' }
  }

  const keyOf = ({ provider, authority, id }: MigratedIdentity): string =>
    externalKey({ provider: { name: provider, linking: 'none' }, authority, id, claims: {} })

  /** Returns why not all were linked: another user has one of the identities, or this one has too many. */
  async function link(sub: string, identities: readonly MigratedIdentity[]): Promise<string | undefined> {
    for (const identity of identities) {
      const [{ provider, label }, key] = [identity, keyOf(identity)]
      const found = { provider, identity: key, sub, created_at: clock.now() }
      const added = await identityLinks.add({ ...found, ...(label !== undefined && { label }) })
      if (added === 'added' || (await identityLinks.find(provider, key))?.sub === sub) continue
      return added === 'full' ? 'identity_links_exhausted' : 'identity_taken'
    }
    return undefined
  }

  /** Removes what was added for a user who could not be added, unless another import added the same user meanwhile. */
  async function undo(user: MigratedUser, problem: string): Promise<UserOutcome> {
    const { sub, identities = [] } = user
    const known = await find(user)
    if (known) return known
    await secondFactors.reset(sub)
    for (const identity of identities) await identityLinks.remove(identity.provider, keyOf(identity), sub)
    return conflict(problem)
  }

  return {
    look,
    async add(user) {
      const expected = await look(user)
      if (expected.outcome !== 'added') return expected
      const { totp_secret, identities = [] } = user
      // Before the user, who is never without the second factor, even if the import is interrupted.
      if (totp_secret !== undefined) await totp.adopt(user.sub, totp_secret)
      const unlinked = await link(user.sub, identities)
      if (unlinked !== undefined) return undo(user, unlinked)
      const added = await administration.add(accountOf(user))
      return added.ok ? { outcome: 'added' } : undo(user, added.problem)
    },
    close: context.close,
  }
}

function accountOf({
  email_verified,
  password_hash,
  totp_secret: _secret,
  identities: _identities,
  ...account
}: MigratedUser): NewAccount {
  return {
    ...account,
    ...(email_verified !== undefined && { emailVerified: email_verified }),
    ...(password_hash !== undefined && { passwordHash: password_hash }),
  }
}
