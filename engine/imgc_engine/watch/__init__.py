"""`imgc run --watch`: what an edit touches runs again."""
