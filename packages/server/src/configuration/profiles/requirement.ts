/** Requirements of security profiles: what a specification says, what meets it, and the test that shows it. */

import type { Description, Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import type { ClientDraft } from '../schema/client.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'
import type { StatedRequirement } from './finding.ts'
import type { ProfileKey, ProfileSettings } from './settings.ts'

type ProfiledClient = Entry<ClientDraft>

/** Returns what of a client contradicts a requirement. */
type ClientCheck = (client: ProfiledClient, draft: Draft) => readonly Diagnostic[]

/** Returns what of the keys of a server or tenant contradicts a requirement. */
type IssuerCheck = (draft: Draft) => readonly Diagnostic[]

export type Requirement = StatedRequirement & {
  readonly client?: ClientCheck
  /** Checked if the server or tenant has the profile. */
  readonly issuer?: IssuerCheck
  /** Checked if the server, the tenant or one of its clients has the profile. */
  readonly shared?: IssuerCheck
  /** Set if `config check` reports what is missing, but a server with the profile starts. */
  readonly tolerated?: true
  /** Set if the profiles that include this one do not have the requirement. */
  readonly alone?: true
}

/** The part of a requirement that is not its check. */
export type Row = Omit<Requirement, 'profile'>

/** Returns a check of one key of clients. */
export const clientKey =
  (
    key: keyof ClientDraft & string,
    isBroken: (client: ClientDraft, draft: Draft) => boolean,
    description: Description | ((client: ClientDraft) => Description),
  ): ClientCheck =>
  (client, draft) =>
    isBroken(client.value, draft)
      ? diagnosticAt(client, key, typeof description === 'function' ? description(client.value) : description)
      : []

/** Returns a check of a list of clients: each item that is not permitted is reported. */
export const clientItems =
  (
    key: 'grant_types' | 'response_types' | 'redirect_uris',
    isBroken: (item: string, client: ClientDraft) => boolean,
    description: (item: string) => Description,
  ): ClientCheck =>
  client =>
    (client.value[key] ?? []).flatMap((item, index) =>
      isBroken(item, client.value) ? diagnosticAt(client, key, description(item), index) : [],
    )

/** Returns the grants that clients may register, if they can register themselves. */
export const registrable = (registration: ProfileSettings['registration']): readonly string[] =>
  registration && registration.value.mode !== 'off' ? registration.value.allowed_grant_types : []

/** Returns a check of one key of a server or tenant. A member of the key is named by `member`. */
export const issuerKey =
  <Key extends ProfileKey>(
    key: Key,
    isBroken: (value: ConfigurationDraft[Key]) => boolean,
    { member, ...description }: Description & { readonly member?: string },
  ): IssuerCheck =>
  ({ security: { settings } }) => {
    const setting = settings[key]
    if (!setting || !isBroken(setting.value as ConfigurationDraft[Key])) return []
    return [{ path: member === undefined ? setting.path : `${setting.path}.${member}`, ...description }]
  }
