/** Keys of a client in several languages, such as `client_name#fr` (RFC 7591 §2.2): each value is as it is without a tag. */

import { z } from 'zod'
import { languageOf, mostTranslations } from '../../core/client-languages.ts'
import { describingShape } from './client-metadata.ts'

/**
 * The schema, which also takes such keys. Other keys are unknown, as they were: the issue is raised here, and also where
 * known keys have faults, so that one run finds all.
 */
export function withLanguages<Schema extends z.ZodObject>(schema: Schema): Schema {
  const check = z.check<Record<string, unknown>>(context => {
    if (typeof context.value !== 'object' || context.value === null) return
    const others = Object.keys(context.value).filter(key => !Object.hasOwn(schema.shape, key))
    const unknown = others.filter(key => languageOf(key) === undefined)
    if (unknown.length > 0)
      context.issues.push({ code: 'unrecognized_keys', keys: unknown, input: context.value, path: [] })
    if (others.length - unknown.length > mostTranslations)
      context.issues.push({
        ...{
          code: 'custom',
          input: context.value,
          path: [],
          message: 'it has too many texts in other languages',
        },
        params: {
          expected: `at most ${mostTranslations}`,
          fix: 'remove some of the keys with a language tag',
        },
      })
    for (const key of others) {
      const { name } = languageOf(key) ?? {}
      const { error } = name === undefined ? {} : describingShape[name].safeParse(context.value[key])
      for (const issue of error?.issues ?? [])
        context.issues.push({ ...issue, path: [key, ...issue.path] } as never)
    }
  })
  check._zod.def.when = () => true
  return schema.catchall(z.unknown()).check(check as never) as unknown as Schema
}

/** For the JSON Schema, which would take any key else. */
export const languagesMeta = {
  additionalProperties: false,
  patternProperties: {
    '^client_name#': { type: 'string', minLength: 1, maxLength: 500 },
    '^(client|logo|policy|tos)_uri#': { type: 'string' },
  },
} as const
