/** All shapes, to be imported by one name. */

export { add, array, boolean, custom, enum, int, isJson, json, string, union, unknown } from './kinds.ts'
export type { Fields, ObjectShape } from './objects.ts'
export { object, record, strictObject } from './objects.ts'
export type { AnyShape, Check, Default, input, Optional, output, Shape } from './shape.ts'
