/** Keys of a client in several languages, such as `client_name#fr` (RFC 7591 §2.2): each value is as it is without a tag. */

import { languageOf, mostTranslations } from '../../model/client-languages.ts'
import type * as z from '../shape/shapes.ts'
import { describingShape } from './client-metadata.ts'
import { rule } from './rule.ts'

/** The schema, which also takes such keys. */
export const withLanguages = <Of extends z.Fields>(schema: z.ObjectShape<Of>): z.ObjectShape<Of> =>
  schema
    .withOthers({
      shapeOf(key) {
        const { name } = languageOf(key) ?? {}
        return name === undefined ? undefined : describingShape[name]
      },
      patterns: {
        '^client_name#': { type: 'string', minLength: 1, maxLength: 500 },
        '^(client|logo|policy|tos)_uri#': { type: 'string' },
      },
    })
    .check(
      rule(client =>
        Object.keys(client).filter(key => !Object.hasOwn(schema.shape, key)).length <= mostTranslations
          ? undefined
          : {
              problem: 'it has too many texts in other languages',
              expected: `at most ${mostTranslations}`,
              fix: 'remove some of the keys with a language tag',
            },
      ),
    )
