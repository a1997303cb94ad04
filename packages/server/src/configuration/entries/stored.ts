/**
 * Marks what was made at run time. The operator wrote the file, but whoever may change entries need not have access to
 * the operator's network.
 */

import type { EntryKind } from '../../model/entry.ts'

/** Drafts of the servers that an entry names. */
type Places = {
  readonly mail?: object | undefined
  readonly identity_providers?: readonly object[] | undefined
}

const mark = Symbol('stored')

const marked = <Value extends object>(value: Value): Value => ({ ...value, [mark]: true })

/** Returns whether the draft of a provider, or of mail, was made at run time. */
export const isStored = (draft: object): boolean => mark in draft

/** Returns the draft of an entry with marks at the servers that it names. */
export function asStored(kind: EntryKind, value: unknown): unknown {
  if (kind === 'identity_providers') return marked(value as object)
  if (kind !== 'tenants') return value
  const { mail, identity_providers: providers } = value as Places
  return {
    ...(value as object),
    ...(mail && { mail: marked(mail) }),
    ...(providers && { identity_providers: providers.map(marked) }),
  }
}
