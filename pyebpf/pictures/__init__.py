"""What people look at: distributions, tables and stacks as text for terminals, as SVG and as HTML.

Comes in: plain data (`frames.StackCount`, …), that views have made. Goes out: text. Nothing here touches the kernel,
and rich is imported only when something is shown in a terminal.
"""
