/** Finds and deletes the rows of a person in SQL stores. */

import { type Owner, personalTables } from './personal.ts'
import { userKinds } from './user-status.ts'

type Dialect = {
  /** Returns the parameter with this number, as text. */
  readonly parameter: (number: number) => string
  /** The function that returns where a text contains another; 0: nowhere. */
  readonly position: 'instr' | 'strpos'
}

/** How often claims must name a subject to name one besides that of the token, which its authorization has too. */
const otherSubjects = 2

/** The condition of tokens that name several subjects. An index of both SQL stores has it, so it must not change. */
const namesOthers = `length(claims) - length(replace(claims, '"sub":', '')) >= ${otherSubjects * '"sub":'.length}`

/** Returns whether claims as JSON name the subject besides that of the token. */
export const mentionsOther = (claims: string, mention: string): boolean =>
  claims.includes(mention) && claims.split('"sub":').length > otherSubjects

const sub = '(select sub from person)'
const inAuthorizations = `authorization_id in (select id from authorizations where sub = ${sub})`
const sids = `(select sid from sessions where sub = ${sub})`

function conditionOf(owner: Exclude<Owner, 'caller'>, table: string, position: string): string {
  const conditions = {
    sub: `sub = ${sub}`,
    authorization: inAuthorizations,
    session: `sid in ${sids}`,
    linking_session: `linking_sid in ${sids}`,
    // Unions instead of alternatives, for which SQLite would read the whole table.
    upstream: `id in (select upstream from sessions where sub = ${sub}
      union all select upstream from pending_sign_ins where sub = ${sub}
      union all select id from ${table} where identity = (select identity from person)
      union all select id from ${table} where sub = ${sub}
      union all select named.id from identity_links link
        join ${table} named on named.provider = link.provider and named.identity = link.identity where link.sub = ${sub})`,
    claims: `hash in (select hash from ${table} where ${inAuthorizations}
      union all select hash from ${table} where ${namesOthers} and ${position}(claims, (select mention from person)) > 0)`,
    principal: `kind in (${userKinds.map(kind => `'${kind}'`).join(', ')}) and id = ${sub}`,
    last_user: 'used_by = (select hash from person)',
  } as const
  return conditions[owner]
}

/** Statements for each table. Each takes `personParameters`. */
type PersonStatements = {
  /** A part that each statement begins with. */
  readonly person: string
  /** The condition of the rows of the person, by table. */
  readonly conditions: ReadonlyMap<string, string>
  /** Deletions that depend on the sessions of the person, so they come before these end. */
  readonly first: readonly string[]
  /** The other deletions, in this order. */
  readonly rest: readonly string[]
}

export function personStatements({ parameter, position }: Dialect): PersonStatements {
  const person = `with person as (
    select ${['sub', 'hash', 'mention', 'identity'].map((name, index) => `${parameter(index + 1)} as ${name}`).join(', ')})`
  const found = personalTables.flatMap(({ table: { name }, owner, kept }) =>
    owner === 'caller' ? [] : [{ name, owner, kept, condition: conditionOf(owner, name, position) }],
  )
  const deletions = (...owners: readonly Owner[]) =>
    found
      .filter(({ owner, kept }) => owners.includes(owner) && kept === undefined)
      .map(({ name, condition }) => `${person} delete from ${name} where ${condition}`)
  return {
    person,
    conditions: new Map(found.map(({ name, condition }) => [name, condition])),
    first: deletions('upstream', 'linking_session'),
    rest: [
      // Before the authorizations, which they belong to.
      ...deletions('authorization', 'claims'),
      ...deletions('sub', 'session'),
      `${person} update registered_clients set used_by = null where ${conditionOf('last_user', 'registered_clients', position)}`,
    ],
  }
}
