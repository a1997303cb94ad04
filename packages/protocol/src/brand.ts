/** Branded types for strings that must not be mixed up: a raw token is not a {@link TokenHash}. */

declare const brand: unique symbol
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/**
 * A point in time or a duration, in whole seconds. Times count from 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
 */
export type Seconds = number
