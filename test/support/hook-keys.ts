/** The hooks of a module configuration, found in its schema, for tests that have a row for each. */

import { codeFields, moduleProviderSchema } from '../../packages/server/src/configuration/schema/code.ts'

type Inner = { readonly unwrap?: () => Inner; readonly fields?: Readonly<Record<string, Inner>> }
const inner = (shape: Inner): Inner => (shape.unwrap ? inner(shape.unwrap()) : shape)

/** Returns the names of hooks: `key`, or `key.member` for each member of an object. */
export function hookKeys(): readonly string[] {
  const { hook_timeout: _, events: __, ...code } = codeFields
  const keys = Object.entries(code as unknown as Record<string, Inner>).flatMap(([key, shape]) => {
    const members = inner(shape).fields
    if (members) return Object.keys(members).map(member => `${key}.${member}`)
    return [key === 'grants' ? 'grants.decide' : key]
  })
  const ofProviders = Object.keys((moduleProviderSchema as unknown as Inner).fields ?? {}).filter(
    key => key === 'credentialAuthority',
  )
  return ['events', ...keys, ...ofProviders.map(key => `identity_providers.${key}`)]
}
