/** Shortens names and ids for errors and logs. */

const mostOfName = 100

/** Returns at most the first 100 characters: a name that is part of a damaged row may be long. */
export const shownName = (name: string): string => name.slice(0, mostOfName)
