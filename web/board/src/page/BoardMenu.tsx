import { MainMenu } from "@excalidraw/excalidraw";
import { useAccount } from "./account/account.js";
import { signOut } from "./account/entry.js";
import { ImportIcon, PastIcon, PersonIcon, RoomsIcon, ShareIcon, SqlIcon } from "./icons.js";
import type { useTheme } from "./theme.js";
import { importFile, type Target } from "./transfer/importFile.js";

interface Given {
  /** What a file is added to, once it is there. */
  readonly target: Target | undefined;
  readonly viewOnly: boolean;
  readonly theme: ReturnType<typeof useTheme>;
  readonly share: () => void;
  readonly signIn: () => void;
  readonly openPast: () => void;
  readonly openSql: () => void;
}

/** The menu of a board: the component's own items where it has them. */
export function BoardMenu({ target, viewOnly, theme, share, signIn, openPast, openSql }: Given) {
  const account = useAccount();
  const { Item, ItemLink, Separator, DefaultItems } = MainMenu;
  return (
    <MainMenu>
      <ItemLink href="/" icon={<RoomsIcon />}>All rooms</ItemLink>
      <Item icon={<ShareIcon />} onSelect={share}>Share</Item>
      <Item icon={<PastIcon />} onSelect={openPast}>History</Item>
      <Item icon={<SqlIcon />} onSelect={openSql}>Open in SQL</Item>
      <Separator />
      {!viewOnly && <Item icon={<ImportIcon />} onSelect={() => target && importFile(target)}>Import a file</Item>}
      <DefaultItems.Export />
      <DefaultItems.SaveAsImage />
      <Separator />
      <DefaultItems.SearchMenu />
      <DefaultItems.Help />
      {!viewOnly && <DefaultItems.ClearCanvas />}
      <Separator />
      <Item icon={<PersonIcon />} onSelect={() => (account ? void signOut() : signIn())}>{account ? `Sign out ${account.name}` : "Sign in"}</Item>
      <DefaultItems.ToggleTheme allowSystemTheme theme={theme.choice} onSelect={theme.choose} />
    </MainMenu>
  );
}
