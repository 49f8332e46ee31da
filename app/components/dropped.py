"""Rows that were left out when a file became a dataset: how many, why, and which."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.components import html
from app.components.html import cell
from app.components.numbers import many
from app.datasets.dropped import reasons
from app.datasets.refusal import Dropped

#: Rows on a page of their table.
ROWS = 20


def dropped(rows: Sequence[Dropped], key: str) -> None:
    """Reasons first, then the rows as they stood in the file."""
    if not rows:
        return
    why = "; ".join(f"{count:,} × {reason}" for reason, count in reasons(rows).items())
    st.html(html.notice(f"{many(len(rows), 'row')} dropped: {why}.", "warning"))
    with st.expander("Dropped rows, one by one", icon=":material/playlist_remove:"):
        pages = -(-len(rows) // ROWS)
        at = st.pagination(pages, key=f"{key}-page", max_visible_pages=7) if pages > 1 else 1
        text, number = st.column_config.TextColumn, st.column_config.NumberColumn
        st.dataframe(
            pd.DataFrame(
                {
                    "File": cell(row.file),
                    "Row": row.row,
                    "Why": cell(row.reason),
                    "What it said": cell(row.text),
                }
                for row in rows[(at - 1) * ROWS : at * ROWS]
            ),
            column_config={
                "File": text(width=150),
                "Row": number(format="%,d", width=70),
                "Why": text(width=300),
                "What it said": text(width="large"),
            },
            hide_index=True,
            height="content",
            key=f"{key}-rows-{at}",
        )
