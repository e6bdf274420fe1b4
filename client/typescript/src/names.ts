/** Names of fields: snake_case in the API, camelCase here. Only the fields of a row are renamed, never what users put into it. */
import type { components } from "./generated/openapi.js";

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name;

/** A row of the API under the names of TypeScript. */
export type CamelRow<Row> = { readonly [Name in keyof Row as Name extends string ? Camel<Name> : Name]: Row[Name] };

/** The rows of the API, as it names them. */
export type Schemas = components["schemas"];

/** A row of the API under the names of TypeScript. */
export function camelRow<Row extends object>(row: Row): CamelRow<Row> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [camel(name), value])) as CamelRow<Row>;
}

/** Rows of the API under the names of TypeScript, as they come. */
export async function* camelRows<Row extends object>(rows: AsyncIterable<Row>): AsyncGenerator<CamelRow<Row>, void, undefined> {
  for await (const row of rows) yield camelRow(row);
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
