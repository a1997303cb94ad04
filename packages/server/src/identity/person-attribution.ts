/** Finds the rows of a person that a store can't attribute: waiting mails and webhook messages are sealed, and counters are keyed hashes. */

import { isJsonObject } from '@tessera/protocol/json'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { auditEndpoint } from '../model/audit-record.ts'
import type { Sealing } from '../model/keys.ts'
import { mailName, type SealedMail } from '../model/mail.ts'
import type { AttributedRows, PersonRows, Persons } from '../model/ports/stores.ts'
import { identityKey } from '../model/stored-user.ts'
import { localProvider } from '../model/user.ts'
import { recordClaimsOf } from '../model/user-claims.ts'
import { webhookMessageName } from '../model/webhook.ts'
import type { TokenHash } from '../runtime/ports.ts'
import { countedKeys, mailReasons } from './counted-keys.ts'
import { accountsOf, guessedName, type Named } from './password-guesses.ts'

/** Parts of sealed rows that an export shows, by the id of the mail or the event. Links of mails give access to accounts. */
type Contents = ReadonlyMap<string, JsonObject>

/** The sealed rows, opened once for several people. */
type Opened = {
  readonly mails: readonly (Pick<SealedMail, 'sub' | 'to' | 'subject'> & { readonly id: string })[]
  /** Events by the `sub` in their data. */
  readonly events: ReadonlyMap<string, readonly OpenedEvent[]>
}
type OpenedEvent = { readonly id: string; readonly type: string; readonly timestamp: string }

export type AttributePerson = {
  /** Opens the waiting mails and webhook messages of everyone. */
  readonly open: () => Promise<Opened>
  readonly attribute: (
    sub: string,
    rows: PersonRows,
    opened: Opened,
  ) => { readonly rows: AttributedRows; readonly contents: Contents }
}

type AttributionPorts = {
  readonly persons: Pick<Persons, 'mails' | 'messages'>
  readonly mailSealing: Sealing
  readonly webhookSealing: Sealing
  /** The names of the identity providers that check passwords. */
  readonly providers: readonly string[]
  readonly hashOf: (key: string) => TokenHash
}

const page = 200

export const createPersonAttribution = (ports: AttributionPorts): AttributePerson => ({
  open: async () => ({ mails: await openMails(ports), events: await openEvents(ports) }),
  attribute(sub, rows, opened) {
    const addresses = addressesOf(rows)
    const mails = opened.mails.filter(mail => mail.sub === sub || addresses.has(identityKey(mail.to)))
    const events = opened.events.get(sub) ?? []
    const contents = new Map<string, JsonObject>([
      ...mails.map(({ id, to, subject }) => [id, { to, subject }] as const),
      ...events.map(({ id, type, timestamp }) => [id, { type, timestamp }] as const),
    ])
    return {
      rows: {
        mails: mails.map(({ id }) => id),
        events: [...new Set(events.map(({ id }) => id))],
        counters: countersOf(ports, sub, rows, namesOf(rows)),
      },
      contents,
    }
  },
})

async function openMails({ persons, mailSealing }: AttributionPorts): Promise<Opened['mails']> {
  const found: Opened['mails'][number][] = []
  for (let after = '', more = true; more; ) {
    const waiting = await persons.mails(after, page)
    for (const { id, sealed } of waiting) {
      const mail = opened<SealedMail>(mailSealing, sealed, mailName(id))
      if (mail) found.push({ id, sub: mail.sub, to: mail.to, subject: mail.subject })
    }
    after = waiting.at(-1)?.id ?? ''
    more = waiting.length === page
  }
  return found
}

type StoredEvent = { readonly type: string; readonly timestamp: string; readonly data: JsonObject }

async function openEvents({ persons, webhookSealing }: AttributionPorts): Promise<Opened['events']> {
  const found = new Map<string, OpenedEvent[]>()
  for (let after = { event_id: '', endpoint: '' }, more = true; more; ) {
    const waiting = await persons.messages(after, page)
    for (const { event_id: id, endpoint, sealed } of waiting) {
      // A record that waits for the audit log must not be lost.
      if (endpoint === auditEndpoint) continue
      const event = opened<StoredEvent>(webhookSealing, sealed, webhookMessageName(id))
      const sub = event?.data.sub
      if (!event || typeof sub !== 'string' || tellsOfDeletion(event)) continue
      const ofSub = found.get(sub) ?? []
      found.set(sub, ofSub)
      ofSub.push({ id, type: event.type, timestamp: event.timestamp })
    }
    const { event_id = '', endpoint = '' } = waiting.at(-1) ?? {}
    after = { event_id, endpoint }
    more = waiting.length === page
  }
  return found
}

/** Receivers need these to delete what they know about the person. */
const tellsOfDeletion = ({ type, data }: StoredEvent): boolean =>
  type === 'user.deleted' || (type === 'session.ended' && data.cause === 'deleted')

/** Rows that were sealed with a retired key can't be sent, and are deleted when they expire. */
function opened<Value>(sealing: Sealing, sealed: Uint8Array, name: string): Value | undefined {
  try {
    return JSON.parse(sealing.open(sealed, name)) as Value
  } catch {
    return undefined
  }
}

function countersOf(
  { providers, hashOf }: AttributionPorts,
  sub: string,
  rows: PersonRows,
  names: readonly string[],
): readonly TokenHash[] {
  const tenants = new Set([undefined, ...textsOf(rows, 'tenant')])
  const named: readonly Named[] = names.flatMap(username =>
    [localProvider, ...providers].flatMap(idp => [...tenants].map(tenant => ({ idp, tenant, username }))),
  )
  const clients = new Set(textsOf(rows, 'client_id'))
  const keys = [
    countedKeys.secondFactorInMinutes(sub),
    countedKeys.secondFactorInADay(sub),
    countedKeys.userCodeOfOneUser(sub),
    countedKeys.passwordResetOfAccount(sub),
    countedKeys.frontChannelTokensAtAllClients(sub),
    ...[...clients].map(client => countedKeys.frontChannelTokens(sub, client)),
    ...named.map(({ tenant, ...one }) =>
      countedKeys.passwordOfName(guessedName({ ...one, ...(tenant !== undefined && { tenant }) })),
    ),
    ...accountsOf(sub, named).map(countedKeys.passwordAtKnownBrowsers),
    ...names.map(countedKeys.passwordResetOfName),
    ...names.flatMap(name => mailReasons.map(reason => countedKeys.mailTo(reason, name))),
  ]
  return [...new Set(keys)].map(hashOf)
}

/** Returns the names and addresses of the person: of the record, and of claims of sign-ins at providers. */
const namesOf = (rows: PersonRows): readonly string[] => {
  const claims = Object.entries(rows).flatMap(([section, found]) =>
    found.map(({ claims: one }) => {
      if (!isJsonObject(one)) return undefined
      // An address that an earlier version stored in the claims of a record is not the person's.
      return section === 'stored_users' ? recordClaimsOf(one).claims : one
    }),
  )
  const claimed = claims.flatMap((one): readonly (Json | undefined)[] => [
    one?.email,
    one?.preferred_username,
  ])
  const names = [...textsOf(rows, 'username'), ...textsOf(rows, 'email'), ...claimed]
  return [...new Set(names.filter(name => typeof name === 'string'))]
}

/** Only verified ones: others may belong to someone else. */
const addressesOf = ({ stored_users: users = [] }: PersonRows): ReadonlySet<string> =>
  new Set(
    users.flatMap(({ email, email_verified_at }) =>
      typeof email === 'string' && email_verified_at !== undefined ? [identityKey(email)] : [],
    ),
  )

const textsOf = (rows: PersonRows, column: string): readonly string[] =>
  Object.values(rows).flatMap(found =>
    found.flatMap(row => (typeof row[column] === 'string' ? [row[column]] : [])),
  )
