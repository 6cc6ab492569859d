import { t } from 'elysia'
import { namePattern, usernameMaxLength } from '../features/accounts/usernames.ts'

// Fields that several documents ask of a user, with the sentences of 001.

/** A username: also the name of the user's own team. */
export const usernameField = t.String({
  pattern: namePattern,
  maxLength: usernameMaxLength,
  title: 'name is required',
  error: `name must begin with a letter and have at most ${usernameMaxLength} letters, digits, - and _`,
  examples: ['ada']
})

export const emailField = t.String({
  pattern: '^[^\\s@\\u0000-\\u001f]+@[^\\s@\\u0000-\\u001f]+$',
  minLength: 3,
  maxLength: 254,
  title: 'Email is required',
  error: 'Invalid email format',
  examples: ['ada@example.org']
})

export const passwordField = t.String({
  minLength: 8,
  maxLength: 1024,
  title: 'Password is required',
  error: 'Password must have between 8 and 1024 characters',
  examples: ['correct horse battery']
})

/** A display name: any text without control characters. */
export const displayNameField = t.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  error: 'Name must be a text of 1 to 100 characters',
  examples: ['Ada Lovelace']
})
